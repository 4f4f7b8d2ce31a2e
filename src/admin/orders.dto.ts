import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { OneOf, Text, WholeNumber } from '../errors/rule.decorator.js';
import type { OrderReport } from '../replicas/orders.service.js';
import { LONGEST_TTL_SECONDS } from './circuit-orders.dto.js';
import { OptionalMember } from './optional-member.decorator.js';
import { Reason } from './reason.decorator.js';

const KINDS = ['force-open', 'reset', 'drain'] as const;
type Kind = (typeof KINDS)[number];

const LONGEST_NAME = 100;
const PRINTABLE = /^[^\p{Cc}\p{Cs}]+$/u;

/** What an operator orders of all replicas, or one. */
export class NewOrder {
  @ApiProperty({
    enum: KINDS,
    description:
      '`force-open`: no call is made through the circuit `target`. `reset`: it is closed, and such an order lifted. `drain`: no new uploads are taken.',
  })
  @OneOf(KINDS)
  readonly kind!: Kind;

  @ApiPropertyOptional({ example: 'storage:se-01', description: 'A circuit; not for a drain.' })
  @OptionalMember()
  @Text(LONGEST_NAME, PRINTABLE, 'without control characters')
  readonly target?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description:
      'The replica that is drained; without it all are. A circuit is opened and reset at all replicas.',
  })
  @OptionalMember()
  @Text(LONGEST_NAME, PRINTABLE, 'without control characters')
  readonly replica_id?: string;

  @Reason('the audit, the log and the report')
  readonly reason!: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: LONGEST_TTL_SECONDS,
    description:
      'After that time it does not hold any more. Without it only an operator ends it. Not for a reset.',
  })
  @OptionalMember()
  @WholeNumber(1, LONGEST_TTL_SECONDS)
  readonly ttl_seconds?: number;
}

/** Ends an order. */
export class LiftedOrder {
  @Reason('the audit and the log')
  readonly reason!: string;
}

export class OrderBody implements OrderReport {
  @ApiProperty({ format: 'uuid' })
  readonly order_id!: string;

  @ApiProperty({ enum: KINDS })
  readonly kind!: Kind;

  @ApiProperty({ type: String, nullable: true, description: 'A circuit; null for a drain.' })
  readonly target!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'null: all replicas.' })
  readonly replica_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  readonly reason!: string | null;

  @ApiProperty({ description: '`sub` of the token.' })
  readonly by!: string;

  @ApiProperty({ format: 'date-time' })
  readonly ordered_at!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'null: until it is lifted.',
  })
  readonly until!: string | null;
}

/** The orders that hold, oldest first. A reset is done, and holds no longer. */
export class OrdersBody {
  @ApiProperty({ type: [OrderBody] })
  readonly orders!: readonly OrderBody[];
}
