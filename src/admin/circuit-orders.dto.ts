import { ApiPropertyOptional } from '@nestjs/swagger';
import { WholeNumber } from '../errors/rule.decorator.js';
import { OptionalMember } from './optional-member.decorator.js';
import { Reason } from './reason.decorator.js';

export const LONGEST_TTL_SECONDS = 86_400;

/** Closes a circuit by hand. */
export class ResetOrder {
  @Reason('the audit and the log', false)
  readonly reason?: string;
}

/** Opens a circuit by hand. */
export class ForceOpenOrder {
  @Reason('the audit, the log and the report')
  readonly reason!: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: LONGEST_TTL_SECONDS,
    description: 'After that time calls are tried again. Without it only a reset ends it.',
  })
  @OptionalMember()
  @WholeNumber(1, LONGEST_TTL_SECONDS)
  readonly ttl_seconds?: number;
}
