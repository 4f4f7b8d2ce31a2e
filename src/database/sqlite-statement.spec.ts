import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { sqliteStatement } from './sqlite-statement.js';

describe('a statement for SQLite', () => {
  it('names tables and functions without their schema', () => {
    expect(sqliteStatement('SELECT ingester.now_ms() FROM ingester.tasks')).toBe(
      'SELECT now_ms() FROM tasks',
    );
  });

  it('has numbered placeholders and no types', () => {
    expect(sqliteStatement('VALUES ($1::uuid, $2::text), ($11::bigint, $2)')).toBe(
      'VALUES (?1, ?2), (?11, ?2)',
    );
  });

  it.each(['FOR UPDATE', 'FOR UPDATE SKIP LOCKED', 'FOR UPDATE OF tasks', 'FOR UPDATE OF tasks SKIP LOCKED'])(
    'locks no rows: %s',
    (lock) => {
      expect(sqliteStatement(`SELECT 1 FROM ingester.tasks WHERE lane = $1 ${lock}`)).toBe(
        'SELECT 1 FROM tasks WHERE lane = ?1',
      );
    },
  );

  it('may use a value twice, as PostgreSQL does', () => {
    const database = new DatabaseSync(':memory:');
    const text = sqliteStatement('SELECT $2::text AS b, $1::int AS a, $2::text AS again');
    expect({ ...database.prepare(text).get(1, 'x') }).toEqual({ a: 1, b: 'x', again: 'x' });
    database.close();
  });

  it('stays what it is where both take it as it stands', () => {
    const text = "UPDATE tasks SET state = 'waiting' WHERE task_id IN (SELECT task_id FROM due)";
    expect(sqliteStatement(text)).toBe(text);
  });
});
