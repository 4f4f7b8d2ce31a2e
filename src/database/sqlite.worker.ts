/*
 * The thread that SQLite runs in: each commit waits for the disk, and would keep the loop of the service waiting with it.
 * Tests run this file as it stands, so it imports nothing but types from the project and uses no syntax that type
 * stripping cannot erase.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { SqliteAnswer, SqliteFailure, SqliteRequest, SqliteStart } from './sqlite-messages.js';

const { path }: SqliteStart = workerData;

/** What SQLite says of a file that another process has. */
const SQLITE_BUSY = 5;
/** Statements that are kept prepared; those for several rows are as many as there are numbers of rows. */
const MOST_STATEMENTS = 500;

/**
 * With `EXCLUSIVE`, the file is ours from the first read until we end, however that is: SQLite holds a lock of the
 * operating system. Then the log needs no shared memory, too.
 */
const OPENING = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA cache_size = -4096;
  BEGIN IMMEDIATE; COMMIT;`;

const statements = new Map<string, StatementSync>();

/** As in PostgreSQL, time stands still during a transaction. */
let nowMs = 0;
/**
 * As in PostgreSQL, nothing is done after a statement of a transaction has failed, until that is rolled back: SQLite may
 * have done so by itself, as when the disk is full, and would commit what comes then.
 */
let isDoomed = false;
/** As it is opened. */
let waitsForDisk = true;

try {
  const database = open();
  parentPort?.on('message', (request: SqliteRequest | 'close') => {
    if (request === 'close') close(database);
    else answer(database, request);
  });
  say({ kind: 'ready' });
} catch (error) {
  say({ kind: 'unusable', failure: failureOf(error) });
}

function open(): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path);
  try {
    database.exec(OPENING);
  } catch (cause) {
    database.close();
    if (failureOf(cause).errcode !== SQLITE_BUSY) throw cause;
    throw new Error(
      `${path} is in use by another process; processes share a PostgreSQL that DATABASE_URL names`,
      { cause },
    );
  }
  database.function('now_ms', () => nowMs);
  return database;
}

function close(database: DatabaseSync): void {
  statements.clear();
  database.close();
  parentPort?.close();
}

function answer(database: DatabaseSync, { id, text, values, isDurable }: SqliteRequest): void {
  if (text === 'ROLLBACK') return rollBack(database, id);
  if (isDoomed) return say({ kind: 'failed', id, failure: { message: 'The transaction has failed' } });
  const belongs = database.isTransaction || text.startsWith('BEGIN');
  if (!database.isTransaction) nowMs = Date.now();
  try {
    if (isDurable !== undefined) waitForDisk(database, isDurable);
    say({ kind: 'rows', id, rows: prepared(database, text).all(...values) });
  } catch (error) {
    // Nobody rolls back what could not be committed.
    if (text === 'COMMIT') endTransaction(database);
    else isDoomed = belongs;
    say({ kind: 'failed', id, failure: failureOf(error) });
  }
}

/** The log of what is not durable is not brought to the disk with its commit, but with the next one that is. */
function waitForDisk(database: DatabaseSync, wanted: boolean): void {
  if (wanted === waitsForDisk) return;
  database.exec(`PRAGMA synchronous = ${wanted ? 'FULL' : 'NORMAL'}`);
  waitsForDisk = wanted;
}

function rollBack(database: DatabaseSync, id: number): void {
  endTransaction(database);
  say({ kind: 'rows', id, rows: [] });
}

function endTransaction(database: DatabaseSync): void {
  isDoomed = false;
  if (database.isTransaction) database.exec('ROLLBACK');
}

/** The one that was used longest ago goes first. */
function prepared(database: DatabaseSync, text: string): StatementSync {
  const statement = statements.get(text) ?? database.prepare(text);
  statements.delete(text);
  statements.set(text, statement);
  const [oldest] = statements.keys();
  if (statements.size > MOST_STATEMENTS && oldest !== undefined) statements.delete(oldest);
  return statement;
}

function failureOf(error: unknown): SqliteFailure {
  const errcode: unknown = Reflect.get(Object(error), 'errcode');
  return {
    message: error instanceof Error ? error.message : String(error),
    ...(typeof errcode === 'number' && { errcode }),
  };
}

function say(message: SqliteAnswer): void {
  parentPort?.postMessage(message);
}
