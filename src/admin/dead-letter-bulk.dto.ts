import { ApiProperty } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import type {
  BulkAction,
  DeadLetterFilter,
  DropReport,
  FilteredGroup,
  LetterPreview,
} from '../delivery/dead-letter.js';
import { AtMost, Filter, MOST_AT_ONCE, Token } from './dead-letter-orders.dto.js';
import { DeadLetterFilterBody, filterMembers } from './dead-letter-query.dto.js';
import { DeadLetterBody, letterBody } from './dead-letter-reports.dto.js';
import { Reason } from './reason.decorator.js';

const ACTIONS: readonly BulkAction[] = ['redeliver', 'drop'];

/** Shows what an order would be about. */
export class PreviewOrder {
  @ApiProperty({ enum: ACTIONS })
  @IsIn(ACTIONS, { message: `$property must be one of ${ACTIONS.join(', ')}` })
  readonly action!: BulkAction;

  @Filter()
  readonly filter!: DeadLetterFilterBody;
}

/** Gives up many. */
export class DropAllOrder {
  @Filter()
  readonly filter!: DeadLetterFilterBody;

  @Token(true)
  readonly token!: string;

  @Reason('the audit and the log')
  readonly reason!: string;

  @AtMost()
  readonly limit: number = MOST_AT_ONCE;
}

class DeadLetterGroupBody {
  @ApiProperty({ example: 'delivery' })
  readonly kind!: string;

  @ApiProperty({ type: String, nullable: true, example: 'STORAGE_FAILED' })
  readonly reason!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'storage:se-02',
    description: 'Which target is to blame; null where none is.',
  })
  readonly target!: string | null;

  @ApiProperty()
  readonly count!: number;

  @ApiProperty({ format: 'date-time' })
  readonly oldest_at!: string;
}

/** Dead letters by what they died of, the commonest first; at most 1000 groups. */
export class DeadLetterGroupsBody {
  @ApiProperty({ type: [DeadLetterGroupBody] })
  readonly groups!: readonly DeadLetterGroupBody[];
}

/** What an order would be about. */
export class PreviewBody {
  @ApiProperty({ enum: ACTIONS })
  readonly action!: BulkAction;

  @ApiProperty({ description: 'As it was understood.' })
  readonly filter!: DeadLetterFilterBody;

  @ApiProperty()
  readonly count!: number;

  @ApiProperty({ description: 'Of the files of these uploads.' })
  readonly bytes!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly oldest_at!: string | null;

  @ApiProperty({ type: [DeadLetterBody], description: 'The oldest; at most five.' })
  readonly samples!: readonly DeadLetterBody[];

  @ApiProperty({
    description:
      'An order with it is about those that are dead now. It is no secret: it guards against mistakes.',
  })
  readonly token!: string;

  @ApiProperty({ format: 'date-time' })
  readonly expires_at!: string;
}

/** What an order to give many up did. */
export class DropBody {
  @ApiProperty()
  readonly dropped!: number;

  @ApiProperty({ description: 'Those of the preview that are still dead: order again.' })
  readonly remaining!: number;
}

export function groupsBody(groups: readonly FilteredGroup[]): DeadLetterGroupsBody {
  return { groups: groups.map(({ oldest, ...group }) => ({ ...group, oldest_at: oldest.toISOString() })) };
}

export function previewBody(
  action: BulkAction,
  filter: DeadLetterFilter,
  { count, bytes, oldest, samples, token, expiresAt }: LetterPreview,
): PreviewBody {
  return {
    action,
    filter: filterMembers(filter),
    count,
    bytes,
    oldest_at: oldest?.toISOString() ?? null,
    samples: samples.map(letterBody),
    token,
    expires_at: expiresAt.toISOString(),
  };
}

export function dropBody({ dropped, remaining }: DropReport): DropBody {
  return { dropped, remaining };
}
