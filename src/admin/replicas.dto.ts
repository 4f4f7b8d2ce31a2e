import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import type { ReplicaReport } from '../replicas/replica-report.js';
import { DetailedCircuitBody } from './circuit-reports.dto.js';

class UploadCountsBody {
  @ApiProperty()
  readonly in_flight!: number;

  @ApiProperty()
  readonly stored!: number;

  @ApiProperty({ description: 'Kept, and delivered later.' })
  readonly accepted!: number;

  @ApiProperty({ description: 'By a fault of the caller.' })
  readonly rejected!: number;

  @ApiProperty()
  readonly failed!: number;

  @ApiProperty()
  readonly client_abort!: number;

  @ApiProperty({ description: 'Requests that brought bytes of an upload that goes on with others.' })
  readonly received!: number;
}

class ByteCountsBody {
  @ApiProperty({ description: 'From clients.' })
  readonly received!: number;

  @ApiProperty({ description: 'To storage elements; those of each attempt count.' })
  readonly sent!: number;
}

class DeliveryCountsBody {
  @ApiProperty()
  readonly delivered!: number;

  @ApiProperty({ description: 'Attempts that failed and counted, registrations and removals included.' })
  readonly failed_attempts!: number;
}

class SpoolStateBody {
  @ApiProperty({ description: 'Of accepted files, dead letters included.' })
  readonly bytes!: number;

  @ApiProperty()
  readonly files!: number;

  @ApiProperty({ description: '0: only the disk limits.' })
  readonly limit_bytes!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'Of the disk, where it can be looked at.' })
  readonly free_bytes!: number | null;

  @ApiProperty({
    type: String,
    nullable: true,
    enum: ['full', 'disk', 'age', 'read_only', 'unusable', 'foreign', null],
    description: 'Why it takes nothing now.',
  })
  readonly shut!: string | null;

  @ApiProperty({ description: 'Uploads that come in several requests and are not complete.' })
  readonly open_uploads!: number;
}

/** A process of the service. Counters are since its start. */
@ApiExtraModels(DetailedCircuitBody)
class ReplicaBody implements ReplicaReport {
  @ApiProperty({ format: 'uuid' })
  readonly replica_id!: string;

  @ApiProperty({ example: '0.1.0' })
  readonly version!: string;

  @ApiProperty({ description: 'Where other replicas reach it.' })
  readonly address!: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  readonly spool_id!: string | null;

  @ApiProperty({ format: 'date-time' })
  readonly started_at!: string;

  @ApiProperty({ format: 'date-time' })
  readonly last_seen_at!: string;

  @ApiProperty({ description: 'Was it seen in the last 15 seconds?' })
  readonly lives!: boolean;

  @ApiProperty({ description: 'Does it take no new uploads, by an order or since it is shutting down?' })
  readonly draining!: boolean;

  @ApiProperty()
  readonly uploads!: UploadCountsBody;

  @ApiProperty()
  readonly bytes!: ByteCountsBody;

  @ApiProperty()
  readonly deliveries!: DeliveryCountsBody;

  @ApiProperty({ description: 'Attempts that were not the first of their call.' })
  readonly retries!: number;

  @ApiProperty()
  readonly spool!: SpoolStateBody;

  @ApiProperty({ type: 'object', additionalProperties: { $ref: getSchemaPath(DetailedCircuitBody) } })
  readonly circuits!: Readonly<Record<string, DetailedCircuitBody>>;
}

/** All processes that share the database. */
export class ReplicasBody {
  @ApiProperty({ format: 'uuid', description: 'Who answers.' })
  readonly replica_id!: string;

  @ApiProperty({ type: [ReplicaBody], description: 'The one that answers comes first.' })
  readonly replicas!: readonly ReplicaBody[];
}
