import { ApiProperty } from '@nestjs/swagger';
import type { QueueReport } from '../delivery/queue-view.service.js';

class QueueLaneBody {
  @ApiProperty({ example: 'delivery' })
  readonly kind!: string;

  @ApiProperty({ example: 'small-temporary' })
  readonly lane!: string;

  @ApiProperty()
  readonly waiting!: number;

  @ApiProperty({ description: 'Those that are worked on.' })
  readonly running!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'null: none waits.' })
  readonly oldest_waiting_since!: string | null;
}

class QueueSpoolBody {
  @ApiProperty({ format: 'uuid' })
  readonly spool_id!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Of the replica that was seen last with it.' })
  readonly address!: string | null;

  @ApiProperty({ description: 'Was a replica seen with it in the last 15 s?' })
  readonly lives!: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly last_seen_at!: string | null;

  @ApiProperty({ description: 'Tasks that need a file in it, those that are worked on included.' })
  readonly waiting!: number;
}

/** What waits, and where. */
export class QueueBody implements QueueReport {
  @ApiProperty({ type: [QueueLaneBody] })
  readonly lanes!: readonly QueueLaneBody[];

  @ApiProperty({ type: [QueueSpoolBody] })
  readonly spools!: readonly QueueSpoolBody[];
}
