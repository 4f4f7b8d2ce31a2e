import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import type { SqlValue } from '../database/sql.js';
import { invalidCursor } from './dead-letters/letter-cursor.js';
import { type AuditEntry, insertAudit } from '../database/audit-rows.js';

/** What somebody did, as it was written down. */
export interface AuditRecord {
  readonly auditId: number;
  readonly at: Date;
  readonly who: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  /** JSON. */
  readonly data: unknown;
}

/** Which entries; what is not named does not matter. */
export interface AuditFilter {
  readonly who?: string;
  readonly action?: string;
  readonly subject?: string;
}

/** The newest come first. */
export interface AuditPage {
  readonly entries: readonly AuditRecord[];
  /** Where the next page begins; null behind the last one. */
  readonly nextCursor: string | null;
}

interface AuditRow {
  readonly audit_id: number;
  readonly at: number;
  readonly who: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly data: string | null;
}

/** The id of an entry. */
const CURSOR = /^[1-9]\d{0,15}$/;

/** Knows who did what, and why. */
@Injectable()
export class AuditTrail {
  constructor(private readonly database: Database) {}

  /**
   * Writes down what `work` does, or nothing where that throws. `work` waits for nothing: where the commit fails behind it, it was
   * done all the same. @throws QUEUE_UNAVAILABLE
   */
  async record(entry: AuditEntry, work: () => void): Promise<void> {
    await this.database.transaction(async (tx) => {
      await insertAudit(tx, entry);
      work();
    });
  }

  /** Up to `limit` entries, from where `cursor` says. @throws VALIDATION_ERROR, QUEUE_UNAVAILABLE */
  async list(filter: AuditFilter, limit: number, cursor?: string): Promise<AuditPage> {
    if (cursor !== undefined && !CURSOR.test(cursor)) throw invalidCursor();
    if (!this.database.isUsed()) return { entries: [], nextCursor: null };
    const { text, values } = conditionOf(filter, cursor);
    // One more tells whether there is another page.
    const rows = await this.database.query<AuditRow>(
      `SELECT audit_id, at, who, action, subject, reason, data FROM ingester.audit
      WHERE ${text} ORDER BY audit_id DESC LIMIT $${values.length + 1}`,
      [...values, limit + 1],
    );
    const entries = rows.slice(0, limit).map(recordOf);
    const last = rows.length > limit ? entries.at(-1) : undefined;
    return { entries, nextCursor: last ? String(last.auditId) : null };
  }
}

function conditionOf(
  { who, action, subject }: AuditFilter,
  cursor: string | undefined,
): { readonly text: string; readonly values: readonly SqlValue[] } {
  const wanted = Object.entries({ who, action, subject });
  const values: SqlValue[] = [];
  const parts = wanted.flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = $${values.push(value)}`],
  );
  if (cursor !== undefined) parts.push(`audit_id < $${values.push(Number(cursor))}`);
  return { text: parts.length > 0 ? parts.join(' AND ') : '1 = 1', values };
}

function recordOf({ audit_id: auditId, at, data, ...rest }: AuditRow): AuditRecord {
  const parsed = data === null ? null : (JSON.parse(data) as unknown);
  return Object.assign(rest, { auditId, at: new Date(at), data: parsed });
}
