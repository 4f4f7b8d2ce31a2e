import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

const LONGEST_REASON = 500;
const LONGEST_TTL_SECONDS = 86_400;

/** Closes a circuit by hand. */
export class ResetOrder {
  @ApiPropertyOptional({ minLength: 1, maxLength: LONGEST_REASON, description: 'For the log.' })
  @IsOptional()
  @IsString()
  @Length(1, LONGEST_REASON)
  readonly reason?: string;
}

/** Opens a circuit by hand. */
export class ForceOpenOrder {
  @ApiProperty({ minLength: 1, maxLength: LONGEST_REASON, description: 'For the log and the report.' })
  @IsString()
  @Length(1, LONGEST_REASON)
  readonly reason!: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: LONGEST_TTL_SECONDS,
    description: 'After that time calls are tried again. Without it only a reset ends it.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LONGEST_TTL_SECONDS)
  readonly ttl_seconds?: number;
}
