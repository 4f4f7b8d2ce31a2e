import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { isLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { peakBytes } from '../support/peak-memory.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { TokenEndpointServer } from '../support/token-endpoint.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';
import { HOSTILE_ANSWERS, type HostileRow, REDIRECTIONS, UNCOUNTED } from './hostile-answers.js';
import { answering, HostileServer } from './hostile-server.js';

const MEBIBYTE = 1024 * 1024;
/** Attempts of half a second each, questions between them, on a machine that has other things to do. */
const WAIT_MS = 30_000;
const MOST_GROWN_BYTES = 256 * MEBIBYTE;
const FILE = 'hello';
const SHA256 = createHash('sha256').update(FILE).digest('hex');

const receipt = (members: Record<string, unknown>): HostileRow[1] => {
  const whole = { file_id: 'a-file', original_filename: 'a.txt', file_size: FILE.length, checksum: SHA256 };
  return () => answering(201, JSON.stringify({ ...whole, ...members }), 'Content-Type: application/json');
};

/** Receipts of an element that lies. */
const LIES: readonly HostileRow[] = [
  ['another size', receipt({ file_size: 4 })],
  ['a negative size', receipt({ file_size: -5 })],
  ['a size that is text', receipt({ file_size: '5' })],
  ['another checksum', receipt({ checksum: '0'.repeat(64) })],
  ['a checksum that is none', receipt({ checksum: SHA256.slice(1) })],
  ['no id', receipt({ file_id: undefined })],
  ['an id that is a path', receipt({ file_id: '../../etc/passwd' })],
  ['an id that is a URL', receipt({ file_id: 'http://elsewhere/x' })],
  ['an id with a line end', receipt({ file_id: 'a\r\nX-Header: b' })],
  ['an id of a mebibyte', receipt({ file_id: 'a'.repeat(MEBIBYTE) })],
];

let hostile: HostileServer;
let elsewhere: HostileServer;
let tokens: TokenEndpointServer;
let keys: TestKeys;
let folder: string;
let tried = 0;

beforeAll(async () => {
  [hostile, elsewhere, tokens, keys] = await Promise.all([
    HostileServer.start(),
    HostileServer.start(),
    TokenEndpointServer.start(),
    createTestKeys(),
  ]);
  folder = await mkdtemp(join(tmpdir(), 'hostile-storage-'));
});

afterAll(async () => {
  await Promise.all([hostile.close(), elsewhere.close(), tokens.close()]);
  await rm(folder, { recursive: true });
  process.stdout.write(`hostile storage element and Admin module: ${tried} answers tried\n`);
});

async function start(variables: Record<string, string>): Promise<ServiceProcess> {
  return startServiceProcess({
    NODE_ENV: 'test',
    LOG_LEVEL: 'trace',
    JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
    SERVICE_TOKEN_URL: tokens.url,
    SERVICE_CLIENT_ID: 'ingester',
    SERVICE_CLIENT_SECRET: 'secret',
    SHUTDOWN_DRAIN_DELAY_MS: '0',
    ...variables,
  });
}

async function upload(service: ServiceProcess): Promise<{ status: number; text: string; tookMs: number }> {
  tried += 1;
  const body = new FormData();
  body.append('file', new Blob([FILE]), 'a.txt');
  const begunMs = performance.now();
  const answer = await fetch(`http://127.0.0.1:${await service.port()}/api/v1/files/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await keys.sign()}` },
    body,
  });
  return { status: answer.status, text: await answer.text(), tookMs: performance.now() - begunMs };
}

function expectNothingGivenAway(told: string): void {
  expect(elsewhere.asked).toEqual([]);
  expect(told).not.toMatch(/token-\d/);
}

describe('a hostile storage element', () => {
  let service: ServiceProcess;
  let peakBefore: number;

  beforeAll(async () => {
    service = await start({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: hostile.url, mode: 'edit' }]),
      DELIVER_LATER: 'false',
      STORAGE_COMMIT_TIMEOUT_MS: '500',
      STORAGE_REQUEST_TIMEOUT_MS: '500',
      STORAGE_DEADLINE_BASE_MS: '8000',
      STORAGE_RETRY_ATTEMPTS: '2',
      STORAGE_RETRY_BASE_MS: '1',
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '10000',
    });
    await service.port();
    peakBefore = await peakBytes(service);
  });
  afterAll(() => service.dispose());

  it.each([...HOSTILE_ANSWERS, ...REDIRECTIONS, ...UNCOUNTED, ...LIES])(
    'has no file acknowledged, and does no harm, by %s',
    async (_, answer) => {
      hostile.behaviour = answer(elsewhere.url);
      hostile.asked.length = 0;
      const { status, text, tookMs } = await upload(service);
      expect(tookMs).toBeLessThan(WAIT_MS);
      expect([502, 503, 504]).toContain(status);
      expect(hostile.asked.length).toBeGreaterThan(0);
      expectNothingGivenAway(text + service.output());
      expect(text).not.toContain(new URL(hostile.url).host);
    },
  );

  it('has cost little memory in all', async () => {
    expect((await peakBytes(service)) - peakBefore).toBeLessThan(MOST_GROWN_BYTES);
  });
});

describe('a hostile Admin module', () => {
  let service: ServiceProcess;
  let element: StorageElementServer;
  let postgres: PostgresDatabases;
  let peakBefore: number;

  beforeAll(async () => {
    element = await StorageElementServer.start();
    postgres = await openPostgres();
    service = await start({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      ADMIN_URL: hostile.url,
      // The embedded one would cost more memory than any answer.
      DATABASE_URL: await postgres.newPreparedDatabase(),
      ADMIN_TIMEOUT_MS: '1000',
      ADMIN_DEADLINE_MS: '3000',
      ADMIN_RETRY_ATTEMPTS: '1',
      ADMIN_CIRCUIT_FAILURE_THRESHOLD: '10000',
    });
    hostile.behaviour = answering(500, '');
    await upload(service);
    peakBefore = await peakBytes(service);
  });
  afterAll(async () => {
    await service.dispose();
    await element.close();
    await postgres.dispose();
  });

  // What reads the answers is the same as for the other endpoints.
  it.each(isLongRun ? [...HOSTILE_ANSWERS, ...REDIRECTIONS, ...UNCOUNTED] : REDIRECTIONS)(
    'keeps no upload from being stored, and does no harm, by %s',
    async (_, answer) => {
      hostile.behaviour = answer(elsewhere.url);
      hostile.asked.length = 0;
      const { status, text, tookMs } = await upload(service);
      expect(status).toBe(201);
      expect(tookMs).toBeLessThan(WAIT_MS);
      await eventually(() => Promise.resolve(expect(hostile.asked.length).toBeGreaterThan(0)));
      expectNothingGivenAway(text + service.output());
    },
  );

  it('has cost little memory in all', async () => {
    expect((await peakBytes(service)) - peakBefore).toBeLessThan(MOST_GROWN_BYTES);
  });
});
