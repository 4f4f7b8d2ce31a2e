import type { AttemptRecord, DeadLetter, DeadLetterGroup, OrderRecord } from '../dead-letter.js';
import type { Sql } from '../../database/sql.js';
import type { TaskRow } from '../ledger/task-rows.js';
import { type StoredDescription } from '../ledger/stored-description.js';
import type { Condition } from './letter-filter.js';

type LetterRow = TaskRow & {
  readonly owner: string;
  readonly description: string;
  readonly size: number;
  readonly sha256: string;
  readonly spool_file: string | null;
  readonly file_spool: string | null;
  /** Separated by spaces. */
  readonly placed: string | null;
};

const FROM = 'FROM ingester.tasks t JOIN ingester.uploads u ON u.upload_id = t.upload_id';
const PLACED = `CASE WHEN t.kind IN ('delivery', 'removal') THEN (
  SELECT string_agg(p.target, ' ') FROM ingester.placements p WHERE p.upload_id = t.upload_id
) END AS placed`;
const SELECT = `SELECT t.*, u.owner, u.description, u.size, u.sha256, u.spool_file, u.spool_id AS file_spool, ${PLACED} ${FROM}`;

/** Attempts that are shown: a task that waits for a target day after day makes very many. */
const MOST_ATTEMPTS = 1_000;
const MOST_ORDERS = 100;

/** Dead letters, the newest first. */
export async function selectLetters(
  sql: Sql,
  { text, values }: Condition,
  limit: number,
): Promise<DeadLetter[]> {
  const rows = await sql.query<LetterRow>(
    `${SELECT} WHERE ${text} ORDER BY t.dead_at DESC, t.task_id DESC LIMIT $${values.length + 1}`,
    [...values, limit],
  );
  return rows.map(letterFrom);
}

/** The task of an id, dead or not. */
export async function findLetter(sql: Sql, taskId: string): Promise<DeadLetter | undefined> {
  const [row] = await sql.query<LetterRow>(`${SELECT} WHERE t.task_id = $1`, [taskId]);
  return row && letterFrom(row);
}

/** The same, kept from changing until the transaction ends. */
export async function lockLetter(sql: Sql, taskId: string): Promise<DeadLetter | undefined> {
  const [row] = await sql.query<LetterRow>(`${SELECT} WHERE t.task_id = $1 FOR UPDATE OF t`, [taskId]);
  return row && letterFrom(row);
}

/** Dead letters, the oldest first, kept from changing; those that another transaction has are left out. */
export async function lockLetters(
  sql: Sql,
  { text, values }: Condition,
  limit: number,
): Promise<DeadLetter[]> {
  const rows = await sql.query<LetterRow>(
    `${SELECT} WHERE ${text} ORDER BY t.dead_at, t.task_id LIMIT $${values.length + 1} FOR UPDATE OF t SKIP LOCKED`,
    [...values, limit],
  );
  return rows.map(letterFrom);
}

export async function countLetters(sql: Sql, { text, values }: Condition): Promise<number> {
  const [row] = await sql.query<{ count: number }>(`SELECT count(*) AS count ${FROM} WHERE ${text}`, values);
  return row?.count ?? 0;
}

interface AttemptRow {
  readonly number: number;
  readonly target: string | null;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly status_code: number | null;
  readonly detail: string | null;
}

/** Oldest first. */
export async function findAttempts(sql: Sql, taskId: string): Promise<AttemptRecord[]> {
  const rows = await sql.query<AttemptRow>(
    `SELECT number, target, started_at, ended_at, outcome, code, status_code, detail
    FROM ingester.attempts WHERE task_id = $1 ORDER BY attempt_id DESC LIMIT $2`,
    [taskId, MOST_ATTEMPTS],
  );
  return rows.toReversed().map((row) => ({
    number: row.number,
    target: row.target,
    startedAt: new Date(row.started_at),
    endedAt: dateOf(row.ended_at),
    outcome: row.outcome,
    code: row.code,
    statusCode: row.status_code,
    detail: row.detail,
  }));
}

/** Oldest first. */
export async function findOrders(sql: Sql, taskId: string): Promise<OrderRecord[]> {
  const rows = await sql.query<Omit<OrderRecord, 'at'> & { readonly at: number }>(
    'SELECT at, who, action, reason FROM ingester.audit WHERE subject = $1 ORDER BY audit_id DESC LIMIT $2',
    [taskId, MOST_ORDERS],
  );
  return rows.toReversed().map(({ at, who, action, reason }) => ({ at: new Date(at), who, action, reason }));
}

type GroupRow = Omit<DeadLetterGroup, 'oldest' | 'newest' | 'refusedWith'> & {
  readonly refused_with: number | null;
  readonly oldest: number;
  readonly newest: number;
};

/**
 * All dead letters by what they died of; a recent one has died in the last `recentMs`. A damaged or missing file is
 * nobody's fault but ours, and of a doubt that one is to blame who does not answer. A refusal is a 4xx that means this very
 * request, and not the moment at which it comes.
 */
export async function groupLetters(sql: Sql, recentMs: number): Promise<DeadLetterGroup[]> {
  const rows = await sql.query<GroupRow>(
    `SELECT kind, reason, blamed AS target,
      CASE WHEN last_status BETWEEN 400 AND 499 AND last_status NOT IN (408, 425, 429) THEN last_status END AS refused_with,
      count(*) AS count, count(*) FILTER (WHERE dead_at > ingester.now_ms() - $1::bigint) AS recent,
      min(dead_at) AS oldest, max(dead_at) AS newest
    FROM (
      SELECT kind, reason, dead_at,
        CASE WHEN reason IN ('spool_damaged', 'spool_file_missing') THEN NULL
          WHEN reason = 'in_doubt' THEN coalesce(
            (SELECT min(target) FROM ingester.placements p WHERE p.upload_id = t.upload_id), target)
          ELSE target END AS blamed,
        (SELECT status_code FROM ingester.attempts a WHERE a.task_id = t.task_id ORDER BY attempt_id DESC LIMIT 1)
          AS last_status
      FROM ingester.tasks t WHERE state = 'dead'
    ) AS letters GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`,
    [recentMs],
  );
  return rows.map(({ kind, reason, target, refused_with: refusedWith, count, recent, oldest, newest }) => ({
    kind,
    reason,
    target,
    refusedWith,
    count,
    recent,
    oldest: new Date(oldest),
    newest: new Date(newest),
  }));
}

function letterFrom(row: LetterRow): DeadLetter {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was written
  const description = JSON.parse(row.description) as StoredDescription;
  return {
    taskId: row.task_id,
    uploadId: row.upload_id,
    kind: row.kind,
    state: row.state,
    reason: row.reason,
    target: row.target,
    doubtfulTargets: [...new Set(row.placed?.split(' '))].toSorted(),
    attempts: row.attempts,
    owner: row.owner,
    originalFilename: description.originalFilename,
    contentType: description.contentType,
    retentionPolicy: description.retentionPolicy,
    size: row.size,
    sha256: row.sha256,
    spoolFile: row.spool_file,
    spoolId: row.file_spool,
    deadAt: dateOf(row.dead_at),
    createdAt: new Date(row.created_at),
    deadline: new Date(row.deadline),
  };
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
