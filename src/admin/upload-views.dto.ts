import { ApiProperty } from '@nestjs/swagger';
import type { UploadPhase } from '../ingest/upload-progress.js';
import { Cursor, DEFAULT_ITEMS, PageSize, TextFilter, WordFilter } from './query-rules.js';
import { Reason } from './reason.decorator.js';

const PHASES: readonly UploadPhase[] = ['waiting', 'receiving', 'storing', 'accepting'];
const PROTOCOLS = ['form', 'raw', 'tus', 'resumable'];
const OUTCOMES = ['stored', 'accepted', 'rejected', 'failed', 'client_abort'];

class UploadsQuery {
  @TextFilter(255, '`sub` of the token with which the file is uploaded.')
  readonly caller?: string;

  @WordFilter(PROTOCOLS)
  readonly protocol?: string;

  @Cursor()
  readonly cursor?: string;

  @PageSize()
  readonly limit: number = DEFAULT_ITEMS;
}

/** Which uploads in flight, page by page. */
export class ActiveUploadsQuery extends UploadsQuery {
  @WordFilter(PHASES)
  readonly phase?: string;

  @TextFilter(100, 'The storage element that the file goes to, as `se-02`.')
  readonly target?: string;
}

/** Which uploads that ended, page by page. */
export class RecentUploadsQuery extends UploadsQuery {
  @WordFilter(OUTCOMES)
  readonly outcome?: string;
}

/** Has an upload stopped. */
export class AbortOrder {
  @Reason('the audit and the log')
  readonly reason!: string;
}

class SeenUpload {
  @ApiProperty({ format: 'uuid' })
  readonly upload_id!: string;

  @ApiProperty({ format: 'uuid', description: 'The process that has it.' })
  readonly replica_id!: string;

  @ApiProperty({ description: '`sub` of the token.' })
  readonly caller!: string;

  @ApiProperty({ enum: PROTOCOLS })
  readonly protocol!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'se-01',
    description: 'The storage element that the file was sent to last; null before it was sent anywhere.',
  })
  readonly target!: string | null;
}

/** An upload in flight. */
export class ActiveUploadBody extends SeenUpload {
  @ApiProperty({
    enum: PHASES,
    description:
      'It waits for a place; its bytes come; all have come, and an element is to confirm the file; all have come, and the file is put down to be stored later.',
  })
  readonly phase!: UploadPhase;

  @ApiProperty({ description: 'Of the file, with this request.' })
  readonly bytes_received!: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'What the client said that the request brings, those around the file included.',
  })
  readonly declared_bytes!: number | null;

  @ApiProperty({ description: 'On average, since it has its place.' })
  readonly bytes_per_second!: number;

  @ApiProperty({ description: 'How often the file was sent to an element.' })
  readonly attempt!: number;

  @ApiProperty({ format: 'date-time' })
  readonly started_at!: string;
}

/** An upload that ended. */
export class RecentUploadBody extends SeenUpload {
  @ApiProperty({ enum: OUTCOMES })
  readonly outcome!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'FILE_TOO_LARGE',
    description: 'What it failed with.',
  })
  readonly code!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'active',
    description: 'What became of one that was accepted, as of now; null where that is not known.',
  })
  readonly status!: string | null;

  @ApiProperty()
  readonly bytes!: number;

  @ApiProperty()
  readonly duration_ms!: number;

  @ApiProperty({ format: 'date-time' })
  readonly ended_at!: string;
}

class UploadsPageBody {
  @ApiProperty({ type: String, nullable: true, description: 'For the next page; null on the last one.' })
  readonly next_cursor!: string | null;

  @ApiProperty({
    type: [String],
    description: 'Ids of replicas that live and did not answer: their uploads are missing here.',
  })
  readonly unanswered_replicas!: readonly string[];
}

/** A page of uploads in flight, the oldest first. */
export class ActiveUploadsBody extends UploadsPageBody {
  @ApiProperty({ type: [ActiveUploadBody] })
  readonly uploads!: readonly ActiveUploadBody[];
}

/** A page of uploads that ended, the newest first. */
export class RecentUploadsBody extends UploadsPageBody {
  @ApiProperty({ type: [RecentUploadBody] })
  readonly uploads!: readonly RecentUploadBody[];
}
