import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import type { CircuitReport, CircuitsHealth, DetailedCircuitReport } from '../outbound/circuit-reports.js';
import type { CircuitAtReplica } from '../replicas/circuit-views.service.js';
import type { TransitionReport } from '../replicas/replica-state.js';

const STATES = ['closed', 'open', 'half_open'] as const;
type State = (typeof STATES)[number];

/** Who opened a circuit by hand, why, and for how long. */
class ForcedOpen {
  @ApiProperty()
  readonly reason!: string;

  @ApiProperty({ description: '`sub` of the token.' })
  readonly by!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'null: until it is reset.' })
  readonly until!: string | null;
}

/** What all circuits together look like, a line for each. */
export class CircuitSummaryBody {
  @ApiProperty({ example: 'storage:se-01' })
  readonly name!: string;

  @ApiProperty({ enum: STATES })
  readonly state!: State;

  @ApiProperty({ description: 'Failures within the window.' })
  readonly failure_count!: number;

  @ApiProperty()
  readonly failure_threshold!: number;

  @ApiProperty({ description: 'Successes since the circuit came to its state.' })
  readonly success_count!: number;

  @ApiProperty()
  readonly success_threshold!: number;

  @ApiProperty({ description: 'Closed 100, half-open 50, open 0.' })
  readonly health_percentage!: number;
}

/** A circuit as one replica sees it. */
class CircuitAtReplicaBody implements CircuitAtReplica {
  @ApiProperty({ enum: STATES })
  readonly state!: State;

  @ApiProperty({ description: 'Failures within the window.' })
  readonly failure_count!: number;

  @ApiProperty({ example: 5 })
  readonly failure_threshold!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly retry_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly cooling_until!: string | null;

  @ApiPropertyOptional({ description: 'Only while the circuit is open by hand.' })
  readonly forced?: ForcedOpen;

  @ApiProperty({ format: 'date-time', description: 'The replica says how it is every five seconds.' })
  readonly last_seen_at!: string;
}

/** One circuit, at the replica that answers. */
class CircuitStateBody implements CircuitReport {
  @ApiProperty({ enum: STATES })
  readonly state!: State;

  @ApiProperty({ description: 'Failures within the window.' })
  readonly failure_count!: number;

  @ApiProperty({ example: 5 })
  readonly failure_threshold!: number;

  @ApiProperty({ description: 'Successes since the circuit came to its state.' })
  readonly success_count!: number;

  @ApiProperty({ example: 2 })
  readonly success_threshold!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly opened_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly last_failure_time!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly last_success_time!: string | null;

  @ApiProperty()
  readonly consecutive_failures!: number;

  @ApiProperty()
  readonly consecutive_successes!: number;

  @ApiProperty()
  readonly state_changes!: number;

  @ApiProperty({ description: 'Calls that were not admitted.' })
  readonly rejected_count!: number;

  @ApiProperty({ description: 'Calls that said nothing about their target.' })
  readonly neutral_count!: number;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When calls are tried again.',
  })
  readonly retry_at!: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description:
      'Until when the target has asked to be left alone with 429 or 503 and `Retry-After`, whatever the state. A reset ends that.',
  })
  readonly cooling_until!: string | null;

  @ApiProperty({ description: 'Closed 100, half-open 50, open 0.' })
  readonly health_percentage!: number;

  @ApiPropertyOptional({ description: 'Only while the circuit is open by hand.' })
  readonly forced?: ForcedOpen;
}

/** One circuit, at the replica that answers and at all that live. */
@ApiExtraModels(CircuitAtReplicaBody)
export class CircuitReportBody extends CircuitStateBody {
  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(CircuitAtReplicaBody) },
    description: 'By the id of the replica, of those that live.',
  })
  readonly replicas!: Readonly<Record<string, CircuitAtReplicaBody>>;
}

class LastErrorBody {
  @ApiProperty({ example: 'STORAGE_FAILED' })
  readonly code!: string;

  @ApiProperty({ format: 'date-time' })
  readonly at!: string;
}

/** One circuit of one replica, with what its calls are about at the moment. */
export class DetailedCircuitBody extends CircuitStateBody implements DetailedCircuitReport {
  @ApiProperty({ description: 'Calls that were admitted and have not ended.' })
  readonly in_flight!: number;

  @ApiProperty({ type: LastErrorBody, nullable: true })
  readonly last_error!: LastErrorBody | null;
}

class TransitionBody implements TransitionReport {
  @ApiProperty({ format: 'date-time' })
  readonly at!: string;

  @ApiProperty({ format: 'uuid' })
  readonly replica_id!: string;

  @ApiProperty({ example: 'storage:se-01' })
  readonly name!: string;

  @ApiProperty({ enum: STATES })
  readonly from!: string;

  @ApiProperty({ enum: STATES })
  readonly to!: string;

  @ApiProperty({ example: 'failures' })
  readonly cause!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Who did it, where somebody did.' })
  readonly by!: string | null;

  @ApiProperty({ type: String, nullable: true })
  readonly reason!: string | null;
}

/** What circuits did lately, newest first. */
export class TransitionsBody {
  @ApiProperty({ type: [TransitionBody] })
  readonly transitions!: readonly TransitionBody[];
}

class CircuitsByState {
  @ApiProperty()
  readonly closed!: number;

  @ApiProperty()
  readonly open!: number;

  @ApiProperty()
  readonly half_open!: number;
}

/** All circuits in one word. */
export class CircuitsHealthBody implements CircuitsHealth {
  @ApiProperty({ enum: ['healthy', 'degraded', 'critical'] })
  readonly status!: 'healthy' | 'degraded' | 'critical';

  @ApiProperty({ format: 'date-time' })
  readonly timestamp!: string;

  @ApiProperty()
  readonly total_circuits!: number;

  @ApiProperty()
  readonly circuits_by_state!: CircuitsByState;

  @ApiProperty({ type: [String], description: 'Names.' })
  readonly open_circuits!: readonly string[];
}
