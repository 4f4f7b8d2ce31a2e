import type { AttemptRow, DeadLetter, DeadLetterGroup, FilteredGroup, OrderRow } from '../dead-letter.js';
import type { Sql, SqlValue } from '../../database/sql.js';
import type { StoredDescription } from '../../storage/stored-description.js';
import type { Condition } from './letter-filter.js';

/** JSON, and targets separated by spaces. */
type LetterRow = Omit<DeadLetter, 'description' | 'doubtful_targets'> & {
  readonly description: string;
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
export function findLetters(sql: Sql, { text, values }: Condition, limit: number): Promise<DeadLetter[]> {
  const rest = `WHERE ${text} ORDER BY t.dead_at DESC, t.task_id DESC LIMIT $${values.length + 1}`;
  return select(sql, rest, [...values, limit]);
}

/** Dead letters, the oldest first. */
export function findOldest(sql: Sql, { text, values }: Condition, limit: number): Promise<DeadLetter[]> {
  const rest = `WHERE ${text} ORDER BY t.dead_at, t.task_id LIMIT $${values.length + 1}`;
  return select(sql, rest, [...values, limit]);
}

/** Dead letters, the oldest first, kept from changing; those that another transaction has are left out. */
export function lockLetters(sql: Sql, { text, values }: Condition, limit: number): Promise<DeadLetter[]> {
  const rest = `WHERE ${text} ORDER BY t.dead_at, t.task_id LIMIT $${values.length + 1} FOR UPDATE OF t SKIP LOCKED`;
  return select(sql, rest, [...values, limit]);
}

/** The task of an id, dead or not; `lock` keeps it from changing until the transaction ends. */
export async function findLetter(sql: Sql, taskId: string, lock = false): Promise<DeadLetter | undefined> {
  const [letter] = await select(sql, `WHERE t.task_id = $1${lock ? ' FOR UPDATE OF t' : ''}`, [taskId]);
  return letter;
}

async function select(sql: Sql, rest: string, values: readonly SqlValue[]): Promise<DeadLetter[]> {
  const rows = await sql.query<LetterRow>(`${SELECT} ${rest}`, values);
  return rows.map(({ placed, description, ...row }) =>
    Object.assign(row, {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was written
      description: JSON.parse(description) as StoredDescription,
      doubtful_targets: [...new Set(placed?.split(' '))].toSorted(),
    }),
  );
}

export async function countLetters(sql: Sql, { text, values }: Condition): Promise<number> {
  const [row] = await sql.query<{ count: number }>(`SELECT count(*) AS count ${FROM} WHERE ${text}`, values);
  return row?.count ?? 0;
}

export interface LetterSums {
  readonly count: number;
  /** Of their files. */
  readonly bytes: number;
  readonly oldest: Date | null;
}

export async function sumLetters(sql: Sql, { text, values }: Condition): Promise<LetterSums> {
  const [row] = await sql.query<{ count: number; bytes: number | null; oldest: number | null }>(
    `SELECT count(*) AS count, CAST(sum(u.size) AS bigint) AS bytes, min(t.dead_at) AS oldest ${FROM} WHERE ${text}`,
    values,
  );
  const oldest = row?.oldest ?? null;
  return {
    count: row?.count ?? 0,
    bytes: row?.bytes ?? 0,
    oldest: oldest === null ? null : new Date(oldest),
  };
}

/** Oldest first. */
export async function findAttempts(sql: Sql, taskId: string): Promise<AttemptRow[]> {
  const rows = await sql.query<AttemptRow>(
    `SELECT number, target, started_at, ended_at, outcome, code, status_code, detail
    FROM ingester.attempts WHERE task_id = $1 ORDER BY attempt_id DESC LIMIT $2`,
    [taskId, MOST_ATTEMPTS],
  );
  return rows.toReversed();
}

/** Oldest first. */
export async function findOrders(sql: Sql, taskId: string): Promise<OrderRow[]> {
  const rows = await sql.query<OrderRow>(
    'SELECT at, who, action, reason FROM ingester.audit WHERE subject = $1 ORDER BY audit_id DESC LIMIT $2',
    [taskId, MOST_ORDERS],
  );
  return rows.toReversed();
}

/** A damaged or missing file is nobody's fault but ours, and of a doubt that one is to blame who does not answer. */
const BLAMED = `CASE WHEN t.reason IN ('spool_damaged', 'spool_file_missing') THEN NULL
  WHEN t.reason = 'in_doubt' THEN coalesce(
    (SELECT min(p.target) FROM ingester.placements p WHERE p.upload_id = t.upload_id),
    (SELECT a.target FROM ingester.attempts a WHERE a.task_id = t.task_id AND a.outcome = 'in_doubt'
      ORDER BY a.attempt_id DESC LIMIT 1), t.target)
  ELSE t.target END AS blamed`;

const MOST_GROUPS = 1_000;

/** Dead letters that fit, by what they died of; the commonest first. */
export async function groupFiltered(sql: Sql, { text, values }: Condition): Promise<FilteredGroup[]> {
  const rows = await sql.query<Omit<FilteredGroup, 'oldest'> & { readonly oldest: number }>(
    `SELECT kind, reason, blamed AS target, count(*) AS count, min(dead_at) AS oldest
    FROM (SELECT t.kind, t.reason, t.dead_at, ${BLAMED} ${FROM} WHERE ${text}) AS letters
    GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT $${values.length + 1}`,
    [...values, MOST_GROUPS],
  );
  return rows.map(({ oldest, ...group }) => Object.assign(group, { oldest: new Date(oldest) }));
}

type GroupRow = Omit<DeadLetterGroup, 'oldest' | 'newest' | 'refusedWith'> & {
  readonly refused_with: number | null;
  readonly oldest: number;
  readonly newest: number;
};

/**
 * All dead letters by what they died of; a recent one has died in the last `recentMs`. A refusal is a 4xx that means this very
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
        ${BLAMED},
        (SELECT status_code FROM ingester.attempts a WHERE a.task_id = t.task_id ORDER BY attempt_id DESC LIMIT 1)
          AS last_status
      FROM ingester.tasks t WHERE state = 'dead'
    ) AS letters GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`,
    [recentMs],
  );
  return rows.map(({ refused_with: refusedWith, oldest, newest, ...group }) =>
    Object.assign(group, { refusedWith, oldest: new Date(oldest), newest: new Date(newest) }),
  );
}
