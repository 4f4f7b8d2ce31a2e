import { rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';

export interface NewAttempt {
  readonly taskId: string;
  readonly number: number;
  readonly target: string;
}

export interface AttemptEnd {
  readonly id: number;
  readonly outcome: string;
  readonly code: string | null;
  readonly statusCode: number | null;
  readonly detail: string | null;
}

/** Gives the ids of their rows, by the ids of their tasks. */
export async function insertAttempts(
  sql: Sql,
  attempts: readonly NewAttempt[],
): Promise<ReadonlyMap<string, number>> {
  if (attempts.length === 0) return new Map();
  const { text, values } = rowsOf(
    ['uuid', 'int', 'text'],
    attempts.map(({ taskId, number, target }) => [taskId, number, target]),
  );
  const rows = await sql.query<{ task_id: string; attempt_id: number }>(
    `INSERT INTO ingester.attempts (task_id, number, target, started_at)
    SELECT column1, column2, column3, ingester.now_ms() FROM (VALUES ${text}) AS begun
    RETURNING task_id, attempt_id`,
    values,
  );
  return new Map(rows.map(({ task_id: taskId, attempt_id: id }) => [taskId, id]));
}

/** Writes down how attempts ended. */
export async function endAttempts(sql: Sql, ends: readonly AttemptEnd[]): Promise<void> {
  if (ends.length === 0) return;
  const { text, values } = rowsOf(
    ['bigint', 'text', 'text', 'int', 'text'],
    ends.map(({ id, outcome, code, statusCode, detail }) => [id, outcome, code, statusCode, detail]),
  );
  await sql.query(
    `UPDATE ingester.attempts SET outcome = column2, code = column3, status_code = column4, detail = column5,
      ended_at = ingester.now_ms()
    FROM (VALUES ${text}) AS ended WHERE attempt_id = column1`,
    values,
  );
}

/** What came to its end before anything could be sent. */
export interface UnsentAttempt {
  readonly taskId: string;
  readonly number: number;
  readonly outcome: 'failed' | 'deferred' | 'in_doubt';
  readonly code: string;
  /** One that could not be called; null where none is known. */
  readonly target: string | null;
}

export async function insertUnsent(sql: Sql, attempts: readonly UnsentAttempt[]): Promise<void> {
  if (attempts.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'int', 'text', 'text', 'text'],
    attempts.map(({ taskId, number, target, outcome, code }) => [taskId, number, target, outcome, code]),
  );
  await sql.query(
    `INSERT INTO ingester.attempts (task_id, number, target, started_at, ended_at, outcome, code)
    SELECT column1, column2, column3, ingester.now_ms(), ingester.now_ms(), column4, column5
    FROM (VALUES ${text}) AS unsent`,
    values,
  );
}
