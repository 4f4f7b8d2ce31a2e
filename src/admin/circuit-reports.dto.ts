import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { CircuitReport, CircuitsHealth } from '../outbound/circuit-reports.js';

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

/** One circuit. */
export class CircuitReportBody implements CircuitReport {
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
