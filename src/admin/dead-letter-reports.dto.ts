import { ApiProperty } from '@nestjs/swagger';
import type { DeadLetter, DeadLetterHistory, RedeliveryReport } from '../delivery/dead-letter.js';

const STATES = ['waiting', 'running', 'done', 'dead', 'cancelled', 'dropped'] as const;

/** One dead letter. */
export class DeadLetterBody {
  @ApiProperty({ format: 'uuid' })
  readonly id!: string;

  @ApiProperty({ format: 'uuid' })
  readonly upload_id!: string;

  @ApiProperty({
    example: 'delivery',
    description: 'What was to be done: `delivery`, `registration` or `removal`.',
  })
  readonly kind!: string;

  @ApiProperty({ enum: STATES, description: '`dead`, or what became of it since.' })
  readonly state!: (typeof STATES)[number];

  @ApiProperty({ type: String, nullable: true, example: 'STORAGE_FAILED', description: 'What it died of.' })
  readonly reason!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'storage:se-02',
    description: 'Where it was tried last.',
  })
  readonly target!: string | null;

  @ApiProperty({ type: [String], description: 'Where the file may be, although no answer said so.' })
  readonly doubtful_targets!: readonly string[];

  @ApiProperty()
  readonly attempts!: number;

  @ApiProperty({ description: '`sub` of the token with which the file was uploaded.' })
  readonly owner!: string;

  @ApiProperty()
  readonly original_filename!: string;

  @ApiProperty()
  readonly content_type!: string;

  @ApiProperty()
  readonly size!: number;

  @ApiProperty({ description: 'SHA-256, hex.' })
  readonly checksum!: string;

  @ApiProperty({ description: 'Is its file kept, so that it can be redelivered or downloaded?' })
  readonly has_content!: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly dead_at!: string | null;

  @ApiProperty({ format: 'date-time' })
  readonly created_at!: string;

  @ApiProperty({ format: 'date-time', description: 'When it is too old to be tried again.' })
  readonly deadline!: string;
}

/** One attempt at one target; null where the process was killed before its end. */
class DeadLetterAttempt {
  @ApiProperty({ description: 'Which try; one may go to several targets.' })
  readonly number!: number;

  @ApiProperty({ type: String, nullable: true })
  readonly target!: string | null;

  @ApiProperty({ format: 'date-time' })
  readonly started_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly ended_at!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'failed' })
  readonly outcome!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'STORAGE_FAILED' })
  readonly code!: string | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'HTTP status of the answer, where there was one.',
  })
  readonly status_code!: number | null;

  @ApiProperty({ type: String, nullable: true })
  readonly detail!: string | null;
}

/** What an operator did to it. */
class DeadLetterOrder {
  @ApiProperty({ format: 'date-time' })
  readonly at!: string;

  @ApiProperty({ description: '`sub` of the token.' })
  readonly who!: string;

  @ApiProperty({ example: 'redeliver' })
  readonly action!: string;

  @ApiProperty({ type: String, nullable: true })
  readonly reason!: string | null;
}

/** One dead letter, with everything that happened to it. */
export class DeadLetterHistoryBody extends DeadLetterBody {
  @ApiProperty({ type: [DeadLetterAttempt], description: 'Oldest first; the newest thousand.' })
  readonly history!: readonly DeadLetterAttempt[];

  @ApiProperty({ type: [DeadLetterOrder] })
  readonly orders!: readonly DeadLetterOrder[];
}

/** A page of dead letters, the newest first. */
export class DeadLetterPageBody {
  @ApiProperty({ type: [DeadLetterBody] })
  readonly items!: readonly DeadLetterBody[];

  @ApiProperty({ type: String, nullable: true, description: 'For the next page; null on the last one.' })
  readonly next_cursor!: string | null;
}

/** What an order over many did. */
export class RedeliveryBody {
  @ApiProperty()
  readonly redelivered!: number;

  @ApiProperty({ description: 'Those that fit the filter and are still dead: order again.' })
  readonly remaining!: number;

  @ApiProperty({ format: 'date-time', description: 'When the next such order is taken.' })
  readonly next_order_at!: string;
}

export function letterBody(letter: DeadLetter): DeadLetterBody {
  return {
    id: letter.task_id,
    upload_id: letter.upload_id,
    kind: letter.kind,
    state: letter.state,
    reason: letter.reason,
    target: letter.target,
    doubtful_targets: letter.doubtful_targets,
    attempts: letter.attempts,
    owner: letter.owner,
    original_filename: letter.description.originalFilename,
    content_type: letter.description.contentType,
    size: letter.size,
    checksum: letter.sha256,
    has_content: letter.spool_file !== null,
    dead_at: letter.dead_at === null ? null : timeOf(letter.dead_at),
    created_at: timeOf(letter.created_at),
    deadline: timeOf(letter.deadline),
  };
}

export function historyBody(letter: DeadLetterHistory): DeadLetterHistoryBody {
  return Object.assign(letterBody(letter), {
    history: letter.history.map((attempt) => ({
      ...attempt,
      started_at: timeOf(attempt.started_at),
      ended_at: attempt.ended_at === null ? null : timeOf(attempt.ended_at),
    })),
    orders: letter.orders.map((order) => ({ ...order, at: timeOf(order.at) })),
  });
}

export function redeliveryBody({ redelivered, remaining, spreadUntil }: RedeliveryReport): RedeliveryBody {
  return { redelivered, remaining, next_order_at: spreadUntil.toISOString() };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
