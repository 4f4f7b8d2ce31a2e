import { ApiProperty } from '@nestjs/swagger';
import type { AuditPage } from '../delivery/audit-trail.service.js';
import { Cursor, DEFAULT_ITEMS, PageSize, TextFilter } from './query-rules.js';

/** Which entries, page by page. */
export class AuditQuery {
  @TextFilter(255, '`sub` of the token of whoever did it.')
  readonly who?: string;

  @TextFilter(64, 'What was done, as `drop`.')
  readonly action?: string;

  @TextFilter(255, 'The id of what it was done to.')
  readonly subject?: string;

  @Cursor()
  readonly cursor?: string;

  @PageSize()
  readonly limit: number = DEFAULT_ITEMS;
}

class AuditEntryBody {
  @ApiProperty({ type: 'integer' })
  readonly audit_id!: number;

  @ApiProperty({ format: 'date-time' })
  readonly at!: string;

  @ApiProperty({ description: '`sub` of the token.' })
  readonly who!: string;

  @ApiProperty({ example: 'redeliver' })
  readonly action!: string;

  @ApiProperty({ description: 'The id of what it was done to, or `dead_letters` for an order over many.' })
  readonly subject!: string;

  @ApiProperty({ type: String, nullable: true })
  readonly reason!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'What it was before.',
  })
  readonly data!: unknown;
}

/** A page of the audit, the newest first. */
export class AuditBody {
  @ApiProperty({ type: [AuditEntryBody] })
  readonly entries!: readonly AuditEntryBody[];

  @ApiProperty({ type: String, nullable: true, description: 'For the next page; null on the last one.' })
  readonly next_cursor!: string | null;
}

export function auditBody({ entries, nextCursor }: AuditPage): AuditBody {
  return {
    entries: entries.map(({ auditId, at, ...entry }) => {
      return { audit_id: auditId, at: at.toISOString(), ...entry };
    }),
    next_cursor: nextCursor,
  };
}
