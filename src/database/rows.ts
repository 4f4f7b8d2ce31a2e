import type { SqlValue } from './sql.js';

/** Rows as text for a statement, with their values. */
export interface Rows {
  /** `($1::uuid, $2::text), ($3::uuid, $4::text)`: what stands behind VALUES. */
  readonly text: string;
  readonly values: SqlValue[];
}

/** `types` are those of PostgreSQL, one for each value of a row; the first placeholder is `$first`. */
export function rowsOf(types: readonly string[], rows: readonly (readonly SqlValue[])[], first = 1): Rows {
  let next = first;
  const tuples = rows.map(() => `(${types.map((type) => `$${next++}::${type}`).join(', ')})`);
  return { text: tuples.join(', '), values: rows.flat() };
}

/** `$2, $3`: what stands between the brackets of IN, for so many values. */
export function listOf(count: number, first = 1): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(', ');
}
