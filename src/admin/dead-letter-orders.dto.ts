import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, ValidateNested } from 'class-validator';
import { Text, WholeNumber } from '../errors/rule.decorator.js';
import { DeadLetterFilterBody } from './dead-letter-query.dto.js';
import { OptionalMember } from './optional-member.decorator.js';
import { Reason } from './reason.decorator.js';

export const MOST_AT_ONCE = 10_000;
const LONGEST_TOKEN = 200;

/** Which ones an order over many is about. */
export function Filter(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ description: 'Which ones; `{}` means all.', example: { reason: 'STORAGE_FAILED' } }),
    IsObject(),
    ValidateNested(),
    Type(() => DeadLetterFilterBody),
  );
}

/** How many an order over many is about. */
export function AtMost(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({
      type: 'integer',
      minimum: 1,
      maximum: MOST_AT_ONCE,
      description: 'At most so many, the oldest first; never more than `DEAD_LETTER_REDELIVERY_MAX`.',
    }),
    OptionalMember(),
    WholeNumber(1, MOST_AT_ONCE),
  );
}

/** What a preview gave. */
export function Token(required: boolean): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      required,
      description:
        '`token` of a preview of this action and filter: only those that were dead then are meant.',
    }),
    Text(LONGEST_TOKEN),
    ...(required ? [] : [OptionalMember()]),
  );
}

/** Has a dead letter tried again. */
export class RedeliverOrder {
  @Reason('the audit and the log', false)
  readonly reason?: string;
}

/** Has many tried again. */
export class RedeliverAllOrder extends RedeliverOrder {
  @Filter()
  readonly filter!: DeadLetterFilterBody;

  @AtMost()
  readonly limit: number = MOST_AT_ONCE;

  @Token(false)
  readonly token?: string;
}

/** Gives up a dead letter. */
export class DropOrder {
  @Reason('the audit and the log')
  readonly reason!: string;
}
