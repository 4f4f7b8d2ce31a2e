import type { Sql } from '../database/sql.js';
import { LEASE_END, type LeaseTerms, type TaskPhase } from './task-rows.js';

/*
 * What the holder of a task writes down while it works. Every statement holds only as long as the task is his: a
 * replica that was away for longer than its lease changes nothing any more.
 */

const HELD = `task_id = $1 AND lease_owner = $2 AND state = 'running'`;

/** What a holder is told whenever he writes. */
export interface Held {
  /** Set when the owner wants the upload no more. */
  readonly cancel_requested_at: Date | null;
}

/** What a task is at. */
export interface PhaseChange {
  readonly phase: TaskPhase;
  /** Where the file may be by now. */
  readonly doubtfulTargets: readonly string[];
  /** Where a file of this id may have been before. */
  readonly unaskedTargets: readonly string[];
}

export interface AttemptBegin {
  readonly target: string;
  /** All targets where the file may be from now on. */
  readonly doubtfulTargets: readonly string[];
  readonly number: number;
}

export interface AttemptEnd {
  readonly id: number;
  readonly outcome: string;
  readonly code: string | null;
  readonly statusCode: number | null;
  readonly detail: string | null;
  readonly endedAt: Date;
}

/** Keeps the task for `terms.leaseMs` from now on, and says how far it is. Undefined where it is not the holder's any more. */
export async function extendLease(
  sql: Sql,
  taskId: string,
  terms: LeaseTerms,
  bytes: number,
): Promise<Held | undefined> {
  const [held] = await sql.query<Held>(
    `WITH held AS (
      UPDATE ingester.tasks SET lease_until = ${LEASE_END}, bytes_confirmed = $5, updated_at = $4
      WHERE ${HELD} RETURNING upload_id, kind, cancel_requested_at
    ), moved AS (
      UPDATE ingester.uploads SET bytes_delivered = $5, updated_at = $4
      FROM held WHERE held.upload_id = uploads.upload_id AND held.kind = 'delivery' AND bytes_delivered <> $5
    )
    SELECT cancel_requested_at FROM held`,
    [taskId, terms.holder, terms.leaseMs, terms.at, bytes],
  );
  return held;
}

/** Says what the task is at, and where the file may be by now. Undefined where it is not the holder's any more. */
export async function savePhase(
  sql: Sql,
  taskId: string,
  terms: LeaseTerms,
  { phase, doubtfulTargets, unaskedTargets }: PhaseChange,
): Promise<Held | undefined> {
  const [held] = await sql.query<Held>(
    `UPDATE ingester.tasks SET lease_until = ${LEASE_END}, updated_at = $4, phase = $5, doubtful_targets = $6,
      unasked_targets = $7,
      doubt_since = CASE WHEN cardinality($6::text[]) + cardinality($7::text[]) = 0 THEN NULL ELSE coalesce(doubt_since, $4) END
    WHERE ${HELD} RETURNING cancel_requested_at`,
    [taskId, terms.holder, terms.leaseMs, terms.at, phase, doubtfulTargets, unaskedTargets],
  );
  return held;
}

/**
 * Writes down, before the first byte goes to a target, that the file may be there from now on. Gives the id of the
 * attempt's own row. Undefined where the task is not the holder's any more.
 */
export async function beginAttempt(
  sql: Sql,
  taskId: string,
  terms: LeaseTerms,
  attempt: AttemptBegin,
): Promise<(Held & { readonly attempt_id: number }) | undefined> {
  const [held] = await sql.query<Held & { attempt_id: number }>(
    `WITH held AS (
      UPDATE ingester.tasks SET lease_until = ${LEASE_END}, updated_at = $4, phase = 'sending', target = $5,
        doubtful_targets = $6, doubt_since = coalesce(doubt_since, $4), bytes_confirmed = 0
      WHERE ${HELD} RETURNING task_id, cancel_requested_at
    ), begun AS (
      INSERT INTO ingester.attempts (task_id, number, target, started_at)
      SELECT task_id, $7::int, $5::text, $4::timestamptz FROM held RETURNING id
    )
    SELECT held.cancel_requested_at, begun.id AS attempt_id FROM held, begun`,
    [taskId, terms.holder, terms.leaseMs, terms.at, attempt.target, attempt.doubtfulTargets, attempt.number],
  );
  return held;
}

/** What came to its end before anything could be sent. */
export interface UnsentAttempt {
  readonly number: number;
  readonly outcome: 'failed' | 'put_off' | 'in_doubt';
  readonly code: string;
  /** Those that could not be called; null where none is known. */
  readonly targets: readonly (string | null)[];
  readonly at: Date;
}

/** Writes it down, with a line for each of its targets. */
export async function insertUnsent(sql: Sql, taskId: string, unsent: UnsentAttempt): Promise<void> {
  const { number, outcome, code, targets, at } = unsent;
  await sql.query(
    `INSERT INTO ingester.attempts (task_id, number, target, started_at, ended_at, outcome, code)
    SELECT $1, $2, target, $3, $3, $4, $5 FROM unnest($6::text[]) AS target`,
    [taskId, number, at, outcome, code, targets],
  );
}

/** Writes down how attempts ended. */
export async function endAttempts(sql: Sql, ends: readonly AttemptEnd[]): Promise<void> {
  for (const { id, outcome, code, statusCode, detail, endedAt } of ends) {
    await sql.query(
      `UPDATE ingester.attempts SET outcome = $2, code = $3, status_code = $4, detail = $5, ended_at = $6
      WHERE id = $1`,
      [id, outcome, code, statusCode, detail, endedAt],
    );
  }
}
