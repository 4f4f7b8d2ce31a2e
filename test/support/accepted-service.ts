import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from '@jest/globals';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { type RunningApp, startApp } from './app.js';
import { openPostgres, type PostgresDatabases } from './postgres-databases.js';
import { StorageElementServer, type UploadFault } from './storage-element-server.js';

/** What an element that is down for everybody says. */
export const DOWN: UploadFault = { kind: 'answer', status: 500 };

export type Json = Record<string, unknown>;

/** A service with one storage element, and times short enough for a test. */
export interface AcceptingService {
  readonly running: RunningApp;
  readonly element: StorageElementServer;
  /** Calls the API as `alice`, or with the claims of somebody else. */
  call(path: string, init?: RequestInit, claims?: Json): Promise<Response>;
  post(bytes: Buffer, headers?: Record<string, string>): Promise<Response>;
  put(id: string, bytes: Buffer, headers?: Record<string, string>, claims?: Json): Promise<Response>;
  /** The receipt, once it has come to `status`. @throws Error with the last one when that takes too long */
  untilStatus(id: unknown, status: string): Promise<Json>;
  /** Names of all files in the spool, but for the one that says whose they are. */
  spooled(): Promise<string[]>;
  close(): Promise<void>;
}

/** Variables of a service with the embedded database. */
export const EMBEDDED = { DATABASE_URL: '' };

let postgres: Promise<PostgresDatabases> | undefined;

afterAll(async () => (await postgres)?.dispose());

/** Starts the service; its one element is down, and its database is the embedded one where the variables name none. */
export async function startAccepting(variables: Record<string, string> = {}): Promise<AcceptingService> {
  const element = await StorageElementServer.start({ fault: DOWN });
  const dataDir = variables.DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'ingester-accepting-')));
  const running = await startApp({
    DATA_DIR: dataDir,
    STORAGE_ELEMENTS: JSON.stringify([
      { id: 'se-1', driver: 'http', url: element.url, mode: 'edit', priority: 1 },
    ]),
    // A machine that is busy is late to connect, and the circuit of the database would open.
    DATABASE_CONNECT_TIMEOUT_MS: '30000',
    STORAGE_RETRY_ATTEMPTS: '1',
    STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1000',
    STORAGE_COMMIT_TIMEOUT_MS: '1000',
    DELIVERY_BACKOFF_BASE_MS: '50',
    DELIVERY_BACKOFF_MAX_MS: '100',
    DELIVERY_MAX_ATTEMPTS: '1000',
    DELIVERY_POLL_MS: '50',
    SPOOL_MIN_FREE_BYTES: '0',
    SHUTDOWN_DRAIN_DELAY_MS: '0',
    ...EMBEDDED,
    ...variables,
  });
  // Else it might come to be while a test looks what is in the spool.
  if (variables.DATABASE_URL) await running.app.get(Replicas, { strict: false }).spoolId();
  return serviceOf({ ...running, dataDir }, element, variables.SPOOL_DIR);
}

/** Variables of a service with a PostgreSQL of its own, which has all tables. */
export async function onPostgres(): Promise<{ DATABASE_URL: string }> {
  postgres ??= openPostgres();
  return { DATABASE_URL: await (await postgres).newPreparedDatabase() };
}

function serviceOf(
  running: RunningApp,
  element: StorageElementServer,
  spool = join(running.dataDir, 'spool'),
): AcceptingService {
  const call: AcceptingService['call'] = async (path, init = {}, claims = {}) => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${await running.token(claims)}`);
    return fetch(running.url + path, { ...init, headers });
  };
  return {
    running,
    element,
    call,
    post: (bytes, headers = {}) => {
      const body = new FormData();
      body.append('description', 'a report');
      body.append('file', new Blob([new Uint8Array(bytes)]), 'a.bin');
      return call('/api/v1/files/upload', { method: 'POST', headers, body });
    },
    put: (id, bytes, headers = {}, claims = {}) =>
      call(`/api/v1/files/${id}`, { method: 'PUT', headers, body: new Uint8Array(bytes) }, claims),
    untilStatus: async (id, status) => {
      for (let tries = 0; ; tries += 1) {
        const receipt = (await (await call(`/api/v1/files/${String(id)}`)).json()) as Json;
        if (receipt.status === status) return receipt;
        if (tries > 100) throw new Error(`not ${status} but ${JSON.stringify(receipt)}`);
        await sleep(100);
      }
    },
    spooled: async () => {
      const entries = await readdir(spool, { recursive: true, withFileTypes: true });
      const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
      return names.filter((name) => name !== 'spool-id');
    },
    close: async () => {
      await running.close();
      await element.close();
      await rm(running.dataDir, { recursive: true, force: true });
    },
  };
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The value of one line of the metrics; undefined where there is no such line. */
export async function metric({ running }: AcceptingService, line: string): Promise<number | undefined> {
  const text = await (await fetch(`${running.url}/metrics`)).text();
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}
