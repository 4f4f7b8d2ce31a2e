import { ApiPropertyOptional } from '@nestjs/swagger';
import type { DeadLetterFilter } from '../delivery/dead-letter.js';
import { WholeNumber } from '../errors/rule.decorator.js';
import { OptionalMember } from './optional-member.decorator.js';
import { Cursor, DEFAULT_ITEMS, Digits, PageSize, PlainText } from './query-rules.js';

const LONGEST_AGE_SECONDS = 3_155_760_000;

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
  @Cursor()
  readonly cursor?: string;

  @PageSize()
  readonly limit: number = DEFAULT_ITEMS;
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

/** The filter as operators write it, with what is given. */
export function filterMembers({
  olderThanMs,
  newerThanMs,
  ...filter
}: DeadLetterFilter): DeadLetterFilterBody {
  return {
    ...filter,
    older_than_seconds: secondsOf(olderThanMs),
    newer_than_seconds: secondsOf(newerThanMs),
  };
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
