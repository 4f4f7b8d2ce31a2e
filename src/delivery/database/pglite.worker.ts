/*
 * The thread that PGlite runs in: a statement keeps its thread busy from the beginning to the end, and the first start
 * takes seconds. Tests run this file as it stands, so it imports nothing but types from the project and uses no syntax
 * that type stripping cannot erase.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite, types } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import type { PgliteAnswer, PgliteFailure, PgliteRequest, PgliteStart } from './pglite-messages.js';

const { folder }: PgliteStart = workerData;

/** What SQLite says of a lock that another process has. */
const SQLITE_BUSY = 5;

/** What a server says of an error, beside the message. */
const FIELDS = ['code', 'severity', 'detail', 'hint', 'schema', 'table', 'column', 'constraint'];

/** PGlite's own parameters, but with fsync, for which its file system knows this one way, and a log that is kept short. */
const START_PARAMETERS = PGlite.defaultStartParams
  .filter((parameter) => parameter !== '-F')
  .concat('-c', 'wal_sync_method=fsync', '-c', 'max_wal_size=128MB');

/** What Emscripten's file system does with a file of the host. */
interface HostFiles {
  readonly stream_ops: object;
  doSetAttr(path: unknown, node: unknown, attributes: { readonly mode?: number }, ...rest: unknown[]): void;
}

/**
 * By default PGlite leaves it to the system when files reach the disk, and a committed row may not outlive a power cut;
 * and it makes each new file one for all users, whatever the umask says.
 */
class PrivateSyncedNodeFS extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(...args);
    const preRun = [
      ...(emscriptenOpts.preRun ?? []),
      ({ NODEFS }: { NODEFS?: HostFiles }): void => {
        if (NODEFS === undefined) return;
        Object.assign(NODEFS.stream_ops, { fsync: ({ nfd }: { nfd: number }) => sync(nfd) });
        keepPrivate(NODEFS);
      },
    ];
    return { emscriptenOpts: { ...emscriptenOpts, preRun } };
  }
}

function keepPrivate(files: HostFiles): void {
  const setAttributes = files.doSetAttr.bind(files);
  files.doSetAttr = (path, node, attributes, ...rest) => {
    const { mode } = attributes;
    const ofOwner = typeof mode === 'number' ? { ...attributes, mode: mode & ~0o077 } : attributes;
    setAttributes(path, node, ofOwner, ...rest);
  };
}

function sync(descriptor: number): number {
  fsyncSync(descriptor);
  return 0;
}

const lock = new DatabaseSync(lockFile(), { open: false });

try {
  lockFolder();
  if (!existsSync(folder)) await createFolder();
  serve(await open(folder));
  say({ kind: 'ready' });
} catch (error) {
  say({ kind: 'unusable', failure: failureOf(error) });
}

function lockFile(): string {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  return `${folder}.lock`;
}

/**
 * Two processes in one folder destroy it, and PGlite does not look. The lock is one of the operating system on a file of
 * its own, which SQLite takes for us: it ends with the process, however that ends.
 */
function lockFolder(): void {
  try {
    lock.open();
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    if (!(cause instanceof Error) || Reflect.get(cause, 'errcode') !== SQLITE_BUSY) throw cause;
    throw new Error(
      `${folder} is in use by another process; processes share a PostgreSQL that DATABASE_URL names`,
      { cause },
    );
  }
}

/** Under another name until it is complete: a half-made folder would never open again. */
async function createFolder(): Promise<void> {
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  await (await open(unfinished)).close();
  for (const entry of readdirSync(unfinished, { recursive: true, encoding: 'utf8' }))
    syncPath(join(unfinished, entry));
  renameSync(unfinished, folder);
  syncPath(dirname(folder));
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): Promise<PGlite> {
  return PGlite.create({
    fs: new PrivateSyncedNodeFS(path),
    startParams: START_PARAMETERS,
    parsers: { [types.INT8]: Number },
  });
}

function serve(database: PGlite): void {
  parentPort?.on('message', async (request: PgliteRequest | 'close') => {
    if (request === 'close') {
      await database.close();
      parentPort?.close();
    } else {
      await answer(database, request);
    }
  });
}

async function answer(database: PGlite, { id, text, values }: PgliteRequest): Promise<void> {
  try {
    const results = values ? [await database.query<object>(text, [...values])] : await database.exec(text);
    say({ kind: 'rows', id, rows: results.flatMap(({ rows }) => rows) });
  } catch (error) {
    say({ kind: 'failed', id, failure: failureOf(error) });
  }
}

function failureOf(error: unknown): PgliteFailure {
  const fields = FIELDS.flatMap((name) => {
    const value: unknown = Reflect.get(Object(error), name);
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return {
    message: error instanceof Error ? error.message : String(error),
    fields: Object.fromEntries(fields),
  };
}

function say(message: PgliteAnswer): void {
  parentPort?.postMessage(message);
}
