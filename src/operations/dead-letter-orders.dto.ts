import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { DeadLetterFilterBody } from './dead-letter-query.dto.js';

const LONGEST_REASON = 500;
const MOST_AT_ONCE = 10_000;
const NO_NUL = /^[^\0]*$/;
const SAYS_SOMETHING = /\S/;

/** Has a dead letter tried again. */
export class RedeliverOrder {
  @ApiPropertyOptional({ minLength: 1, maxLength: LONGEST_REASON, description: 'For the audit and the log.' })
  @IsOptional()
  @IsString()
  @Length(1, LONGEST_REASON)
  @Matches(NO_NUL)
  readonly reason?: string;
}

/** Has many tried again. */
export class RedeliverAllOrder extends RedeliverOrder {
  @ApiProperty({ description: 'Which ones; `{}` means all.' })
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
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MOST_AT_ONCE)
  readonly limit: number = MOST_AT_ONCE;
}

/** Gives up a dead letter. */
export class DropOrder {
  @ApiProperty({ minLength: 1, maxLength: LONGEST_REASON, description: 'For the audit and the log.' })
  @IsString()
  @Length(1, LONGEST_REASON)
  @Matches(NO_NUL)
  @Matches(SAYS_SOMETHING)
  readonly reason!: string;
}
