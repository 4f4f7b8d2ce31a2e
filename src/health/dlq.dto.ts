import { ApiProperty } from '@nestjs/swagger';

const STATUSES = ['healthy', 'degraded', 'critical'] as const;

class DlqStatistics {
  @ApiProperty({
    description: 'Dead letters: deliveries, registrations and removals that are not tried any more.',
  })
  readonly total_failed_tasks!: number;

  @ApiProperty()
  readonly recent_failures_24h!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    example: { delivery: 9, registration: 2 },
  })
  readonly failures_by_task_type!: Readonly<Record<string, number>>;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly oldest_failure!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly newest_failure!: string | null;
}

class DlqIndicators {
  @ApiProperty()
  readonly total_failed_tasks!: number;

  @ApiProperty()
  readonly recent_failures_24h!: number;

  @ApiProperty({ description: 'Is the warning threshold reached?' })
  readonly requires_attention!: boolean;

  @ApiProperty({ example: 50 })
  readonly critical_threshold!: number;

  @ApiProperty({ example: 10 })
  readonly warning_threshold!: number;
}

/** Dead letters in one word, and what they come from. */
export class DlqReport {
  @ApiProperty({ enum: STATUSES })
  readonly status!: (typeof STATUSES)[number];

  @ApiProperty({ format: 'date-time' })
  readonly timestamp!: string;

  @ApiProperty()
  readonly statistics!: DlqStatistics;

  @ApiProperty()
  readonly health_indicators!: DlqIndicators;

  @ApiProperty({ type: [String], example: ['9 of 11 failed on se-02: circuit open since 10:02 UTC'] })
  readonly recommendations!: readonly string[];
}
