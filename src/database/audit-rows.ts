import type { Sql } from './sql.js';

export interface AuditEntry {
  /** The subject of the caller, or our own name for what we do by ourselves. */
  readonly who: string;
  readonly action: string;
  /** The id of what it was done to. */
  readonly subject: string;
  readonly reason?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Writes down who did what; it outlives what it was done to. */
export async function insertAudit(sql: Sql, entry: AuditEntry): Promise<void> {
  const { who, action, subject, reason = null, data } = entry;
  await sql.query(
    `INSERT INTO ingester.audit (at, who, action, subject, reason, data)
    VALUES (ingester.now_ms(), $1, $2, $3, $4, $5)`,
    [who, action, subject, reason, data ? JSON.stringify(data) : null],
  );
}
