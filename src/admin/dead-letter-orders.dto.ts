import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, ValidateNested } from 'class-validator';
import { WholeNumber } from '../errors/rule.decorator.js';
import { DeadLetterFilterBody } from './dead-letter-query.dto.js';
import { OptionalMember } from './optional-member.decorator.js';
import { Reason } from './reason.decorator.js';

const MOST_AT_ONCE = 10_000;

/** Has a dead letter tried again. */
export class RedeliverOrder {
  @Reason('the audit and the log', false)
  readonly reason?: string;
}

/** Has many tried again. */
export class RedeliverAllOrder extends RedeliverOrder {
  @ApiProperty({ description: 'Which ones; `{}` means all.', example: { reason: 'STORAGE_FAILED' } })
  @IsObject()
  @ValidateNested()
  @Type(() => DeadLetterFilterBody)
  readonly filter!: DeadLetterFilterBody;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MOST_AT_ONCE,
    description: 'At most so many, the oldest first; never more than `DEAD_LETTER_REDELIVERY_MAX`.',
  })
  @OptionalMember()
  @WholeNumber(1, MOST_AT_ONCE)
  readonly limit: number = MOST_AT_ONCE;
}

/** Gives up a dead letter. */
export class DropOrder {
  @Reason('the audit and the log')
  readonly reason!: string;
}
