import type { DeadLetterFilter } from '../dead-letter.js';
import type { LetterPosition } from './letter-cursor.js';

/** A condition over `tasks t` and `uploads u`, with the values of its placeholders, the first of which is `$1`. */
export interface Condition {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** How targets are named that are storage elements. */
const ELEMENT_PREFIX = 'storage:';

/** What dead letters have to fulfil; `behind` leaves out those of the pages before. */
export function conditionOf(filter: DeadLetterFilter, nowMs: number, behind?: LetterPosition): Condition {
  const values: unknown[] = [];
  const put = (value: unknown): string => `$${values.push(value)}`;
  const parts = [`t.state = 'dead'`, ...equalities(filter, put)];
  const { target, olderThanMs, newerThanMs } = filter;
  if (target !== undefined) {
    const names = put([target, `${ELEMENT_PREFIX}${target}`]);
    const inDoubt = '(t.doubtful_targets || t.unasked_targets)';
    parts.push(`(t.target = ANY (${names}::text[]) OR ${inDoubt} && ${names}::text[] OR ${diedOf(names)})`);
  }
  if (olderThanMs !== undefined) parts.push(`t.dead_at < ${put(new Date(nowMs - olderThanMs))}`);
  if (newerThanMs !== undefined) parts.push(`t.dead_at > ${put(new Date(nowMs - newerThanMs))}`);
  if (behind) parts.push(`(t.dead_at, t.task_id) < (${put(behind.deadAt)}, ${put(behind.taskId)})`);
  return { text: parts.join(' AND '), values };
}

/** Of targets that could not be called when it was too old. */
function diedOf(names: string): string {
  return `EXISTS (SELECT 1 FROM ingester.attempts a WHERE a.task_id = t.task_id
    AND a.ended_at = t.dead_at AND a.target = ANY (${names}::text[]))`;
}

function equalities({ reason, owner, kind }: DeadLetterFilter, put: (value: unknown) => string): string[] {
  const columns = { 't.reason': reason, 'u.owner': owner, 't.kind': kind };
  return Object.entries(columns).flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = ${put(value)}`],
  );
}
