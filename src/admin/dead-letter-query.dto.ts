import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import type { DeadLetterFilter } from '../delivery/dead-letter.js';
import { Text, WholeNumber } from '../errors/rule.decorator.js';
import { OptionalMember } from './optional-member.decorator.js';

const LONGEST_AGE_SECONDS = 3_155_760_000;
const LONGEST_CURSOR = 200;
const MOST_LETTERS = 200;
const DEFAULT_LETTERS = 50;

/** Nothing that a database would choke on. */
function PlainText(max: number): PropertyDecorator {
  return Text(max, /^[^\p{Cc}\p{Cs}]+$/u, 'without control characters');
}

/** A query has texts only. What is no number is left for the check of its class to name. */
function Digits(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

/** Which dead letters: those that fulfil all that is given. */
export class DeadLetterFilterBody {
  @ApiPropertyOptional({ description: 'What they died of, as `STORAGE_FAILED`.' })
  @OptionalMember()
  @PlainText(64)
  readonly reason?: string;

  @ApiPropertyOptional({
    description:
      'Where they were tried last, or may be all the same: a storage element, as `se-02`, or another target.',
  })
  @OptionalMember()
  @PlainText(100)
  readonly target?: string;

  @ApiPropertyOptional({ description: '`sub` of the token with which the file was uploaded.' })
  @OptionalMember()
  @PlainText(255)
  readonly owner?: string;

  @ApiPropertyOptional({ description: '`delivery`, `registration` or `removal`.' })
  @OptionalMember()
  @PlainText(64)
  readonly kind?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 0, description: 'Dead for longer than this.' })
  @OptionalMember()
  @Digits()
  @WholeNumber(0, LONGEST_AGE_SECONDS)
  readonly older_than_seconds?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 0, description: 'Dead for less than this.' })
  @OptionalMember()
  @Digits()
  @WholeNumber(0, LONGEST_AGE_SECONDS)
  readonly newer_than_seconds?: number;
}

/** Which dead letters, page by page. */
export class DeadLetterQuery extends DeadLetterFilterBody {
  @ApiPropertyOptional({ description: '`next_cursor` of the page before.' })
  @OptionalMember()
  @Text(LONGEST_CURSOR)
  readonly cursor?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MOST_LETTERS, default: DEFAULT_LETTERS })
  @OptionalMember()
  @Digits()
  @WholeNumber(1, MOST_LETTERS)
  readonly limit: number = DEFAULT_LETTERS;
}

/** The filter as the delivery room takes it. */
export function filterOf(body: DeadLetterFilterBody): DeadLetterFilter {
  const { reason, target, owner, kind } = body;
  return {
    reason,
    target,
    owner,
    kind,
    olderThanMs: msOf(body.older_than_seconds),
    newerThanMs: msOf(body.newer_than_seconds),
  };
}

function msOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
