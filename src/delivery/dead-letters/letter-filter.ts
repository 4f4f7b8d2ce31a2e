import type { SqlValue } from '../../database/sql.js';
import type { DeadLetterFilter } from '../dead-letter.js';
import type { LetterPosition } from './letter-cursor.js';

/** A condition over `tasks t` and `uploads u`, with the values of its placeholders, the first of which is `$1`. */
export interface Condition {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** How targets are named that are storage elements. */
const ELEMENT_PREFIX = 'storage:';

export interface ConditionOptions {
  /** Leaves out those of the pages before. */
  readonly behind?: LetterPosition | undefined;
  /** Only those that were dead at that time of the database, and as old as the filter says at that time. */
  readonly asOfMs?: number | undefined;
}

/** What dead letters have to fulfil. */
export function conditionOf(filter: DeadLetterFilter, { behind, asOfMs }: ConditionOptions = {}): Condition {
  const values: SqlValue[] = [];
  const put = (value: SqlValue): string => `$${values.push(value)}`;
  const parts = [`t.state = 'dead'`, ...equalities(filter, put)];
  const { target, olderThanMs, newerThanMs } = filter;
  if (target !== undefined) {
    const isNamed = `target IN (${put(target)}, ${put(`${ELEMENT_PREFIX}${target}`)})`;
    parts.push(`(t.${isNamed} OR ${isInDoubt(isNamed)} OR ${diedOf(isNamed)})`);
  }
  const isAsOf = asOfMs !== undefined;
  const now = isAsOf ? `${put(asOfMs)}::bigint` : 'ingester.now_ms()';
  if (isAsOf) parts.push(`t.dead_at <= ${now}`);
  if (olderThanMs !== undefined) parts.push(`t.dead_at < ${now} - ${put(olderThanMs)}::bigint`);
  if (newerThanMs !== undefined) parts.push(`t.dead_at > ${now} - ${put(newerThanMs)}::bigint`);
  if (behind) parts.push(`(t.dead_at, t.task_id) < (${put(behind.deadAt)}, ${put(behind.taskId)})`);
  return { text: parts.join(' AND '), values };
}

/** Of targets that could not be called when it was too old. */
function diedOf(isNamed: string): string {
  return `EXISTS (SELECT 1 FROM ingester.attempts a WHERE a.task_id = t.task_id AND a.ended_at = t.dead_at AND a.${isNamed})`;
}

/** Only of kinds that ask where a file may be. */
function isInDoubt(isNamed: string): string {
  return `t.kind IN ('delivery', 'removal') AND
    EXISTS (SELECT 1 FROM ingester.placements p WHERE p.upload_id = t.upload_id AND p.${isNamed})`;
}

function equalities({ reason, owner, kind }: DeadLetterFilter, put: (value: SqlValue) => string): string[] {
  const columns = { 't.reason': reason, 'u.owner': owner, 't.kind': kind };
  return Object.entries(columns).flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = ${put(value)}`],
  );
}
