import type { AttemptRecord, DeadLetter, DeadLetterGroup, OrderRecord } from '../dead-letter.js';
import type { Sql } from '../database/sql.js';
import type { TaskRow } from '../ledger/task-rows.js';
import type { UploadRow } from '../ledger/upload-rows.js';
import type { Condition } from './letter-filter.js';

type LetterRow = TaskRow & Pick<UploadRow, 'owner' | 'description' | 'sha256' | 'spool_file'>;

const FROM = 'FROM ingester.tasks t JOIN ingester.uploads u ON u.upload_id = t.upload_id';
const SELECT = `SELECT t.*, u.owner, u.description, u.sha256, u.spool_file ${FROM}`;

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

/** Oldest first. */
export async function findAttempts(sql: Sql, taskId: string): Promise<AttemptRecord[]> {
  const attempts = await sql.query<AttemptRecord>(
    `SELECT number, target, started_at AS "startedAt", ended_at AS "endedAt", outcome, code,
      status_code AS "statusCode", detail
    FROM ingester.attempts WHERE task_id = $1 ORDER BY id DESC LIMIT $2`,
    [taskId, MOST_ATTEMPTS],
  );
  return attempts.toReversed();
}

/** Oldest first. */
export async function findOrders(sql: Sql, taskId: string): Promise<OrderRecord[]> {
  const orders = await sql.query<OrderRecord>(
    'SELECT at, who, action, reason FROM ingester.audit WHERE subject = $1 ORDER BY id DESC LIMIT $2',
    [taskId, MOST_ORDERS],
  );
  return orders.toReversed();
}

/**
 * All dead letters by what they died of; `recentSince` is when a recent one has died at the earliest. A damaged or
 * missing file is nobody's fault but ours, and of a doubt that one is to blame who does not answer. A refusal is a 4xx that
 * means this very request, and not the moment at which it comes.
 */
export function groupLetters(sql: Sql, recentSince: Date): Promise<DeadLetterGroup[]> {
  return sql.query<DeadLetterGroup>(
    `SELECT kind, reason,
      CASE WHEN reason LIKE 'spool\\_%' THEN NULL
        WHEN reason = 'in_doubt' THEN coalesce(doubtful_targets[1], unasked_targets[1], target)
        ELSE target END AS target,
      CASE WHEN last.status_code BETWEEN 400 AND 499 AND last.status_code NOT IN (408, 425, 429)
        THEN last.status_code END AS "refusedWith",
      count(*) AS count, count(*) FILTER (WHERE dead_at > $1) AS recent,
      min(dead_at) AS oldest, max(dead_at) AS newest
    FROM ingester.tasks LEFT JOIN LATERAL (
      SELECT status_code FROM ingester.attempts WHERE attempts.task_id = tasks.task_id ORDER BY id DESC LIMIT 1
    ) last ON true
    WHERE state = 'dead' GROUP BY 1, 2, 3, 4 ORDER BY count DESC, 1, 2, 3, 4`,
    [recentSince],
  );
}

function letterFrom(row: LetterRow): DeadLetter {
  return {
    taskId: row.task_id,
    uploadId: row.upload_id,
    kind: row.kind,
    state: row.state,
    reason: row.reason,
    target: row.target,
    doubtfulTargets: [...new Set([...row.doubtful_targets, ...row.unasked_targets])],
    attempts: row.attempts,
    owner: row.owner,
    originalFilename: row.description.originalFilename,
    contentType: row.description.contentType,
    retentionPolicy: row.description.retentionPolicy,
    size: row.size,
    sha256: row.sha256,
    keepsFile: row.spool_file !== null,
    deadAt: row.dead_at,
    createdAt: row.created_at,
    deadline: row.deadline,
  };
}
