import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { peakBytes } from '../support/peak-memory.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';
import {
  HOSTILE_ANSWERS,
  KEY_SETS,
  NO_TIMES,
  ODD_TIMES,
  REDIRECTIONS,
  UNCOUNTED,
} from './hostile-answers.js';
import { answering, HostileServer } from './hostile-server.js';

const SECRET = 'hunter2/s3cret+and=more';
const SERVICE_TOKEN = 'a-token-of-ours';
const MEBIBYTE = 1024 * 1024;
/** Two attempts of half a second, on a machine that has other things to do. */
const WAIT_MS = 15_000;
/** What is read is limited to 64 KiB or 1 MiB; the rest lies in buffers of the kernel, once for each attempt. */
const MOST_TAKEN_BYTES = 48 * MEBIBYTE;
/** Most of it is garbage that was not collected yet. */
const MOST_GROWN_BYTES = 256 * MEBIBYTE;

let element: StorageElementServer;
let endpoint: HostileServer;
let elsewhere: HostileServer;
let keys: TestKeys;
let tried = 0;

beforeAll(async () => {
  [element, endpoint, elsewhere, keys] = await Promise.all([
    StorageElementServer.start(),
    HostileServer.start(),
    HostileServer.start(),
    createTestKeys(),
  ]);
});

afterAll(async () => {
  await Promise.all([element.close(), endpoint.close(), elsewhere.close()]);
  process.stdout.write(`hostile endpoints: ${tried} answers tried\n`);
});

/** The service in a process of its own, so that its memory and its log are its own; `prefix` is that of the endpoint. */
async function start(prefix: string, variables: Record<string, string>): Promise<ServiceProcess> {
  return startServiceProcess({
    NODE_ENV: 'test',
    LOG_LEVEL: 'trace',
    [`${prefix}_TIMEOUT_MS`]: '500',
    [`${prefix}_DEADLINE_MS`]: '5000',
    [`${prefix}_RETRY_ATTEMPTS`]: '2',
    [`${prefix}_RETRY_BASE_MS`]: '1',
    // It is asked each time, however often it has failed.
    [`${prefix}_CIRCUIT_FAILURE_THRESHOLD`]: '10000',
    STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
    DELIVER_LATER: 'false',
    SHUTDOWN_DRAIN_DELAY_MS: '0',
    ...variables,
  });
}

async function upload(service: ServiceProcess): Promise<{ status: number; text: string; token: string }> {
  tried += 1;
  const body = new FormData();
  body.append('file', new Blob(['hello']), 'a.txt');
  const token = await keys.sign({}, { kid: 'a' });
  const answer = await fetch(`http://127.0.0.1:${await service.port()}/api/v1/files/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body,
  });
  return { status: answer.status, text: await answer.text(), token };
}

/** Expects a refusal in time, of few bytes taken, that gives nothing away. */
async function expectBounded(service: ServiceProcess, mostTakenBytes = MOST_TAKEN_BYTES): Promise<void> {
  endpoint.takeCount();
  const begunMs = performance.now();
  const { status, text, token } = await upload(service);
  expect(performance.now() - begunMs).toBeLessThan(WAIT_MS);
  expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([502, 'ADMIN_UNAVAILABLE']);
  expect(endpoint.takeCount()).toBeLessThan(mostTakenBytes);
  expect(elsewhere.asked).toEqual([]);
  const told = text + service.output();
  const secrets = [SECRET, encodeURIComponent(SECRET), token, SERVICE_TOKEN];
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
}

/** An answer of a token endpoint, whose `expires_in` is text as it stands. */
function tokenFor(time: string): string {
  return `{"access_token":"${SERVICE_TOKEN}","token_type":"Bearer","expires_in":${time}}`;
}

describe('a hostile token endpoint', () => {
  const credentials = { SERVICE_CLIENT_ID: 'ingester', SERVICE_CLIENT_SECRET: SECRET };
  let folder: string;
  let service: ServiceProcess;
  let peakBefore: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hostile-endpoints-'));
    service = await startAsking();
    await service.port();
    peakBefore = await peakBytes(service);
  });

  afterAll(async () => {
    await service.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function startAsking(variables: Record<string, string> = {}): Promise<ServiceProcess> {
    return start('SERVICE_TOKEN', {
      ...credentials,
      SERVICE_TOKEN_URL: `${endpoint.url}/token`,
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
      ...variables,
    });
  }

  it.each([...HOSTILE_ANSWERS, ...REDIRECTIONS])(
    'gives no token, and does no harm, by %s',
    async (_, answer) => {
      endpoint.behaviour = answer(elsewhere.url);
      endpoint.asked.length = 0;
      await expectBounded(service);
      expect(endpoint.asked.length).toBeGreaterThan(0);
    },
  );

  it.each(UNCOUNTED)('does no harm by %s, which only the time of an attempt ends', async (_, answer) => {
    endpoint.behaviour = answer(elsewhere.url);
    await expectBounded(service, Infinity);
  });

  it.each(NO_TIMES)('gives no token by an end that is no time: %s', async (time) => {
    endpoint.behaviour = answering(200, tokenFor(time));
    await expectBounded(service);
  });

  it.each(ODD_TIMES)('gives a token with the odd end %s, which serves on', async (time) => {
    endpoint.behaviour = answering(200, tokenFor(time));
    const fresh = await startAsking({ SERVICE_TOKEN_TIMEOUT_MS: '5000' });
    try {
      for (let uploads = 0; uploads < 3; uploads += 1) expect((await upload(fresh)).status).toBe(201);
      expect(fresh.output()).not.toContain(SERVICE_TOKEN);
    } finally {
      await fresh.dispose();
    }
  });

  it('has cost little memory in all', async () => {
    expect((await peakBytes(service)) - peakBefore).toBeLessThan(MOST_GROWN_BYTES);
  });
});

describe('a hostile JWKS endpoint', () => {
  let service: ServiceProcess;
  let peakBefore: number;

  beforeAll(async () => {
    service = await start('JWT_JWKS', {
      JWT_JWKS_URL: `${endpoint.url}/jwks.json`,
      JWT_JWKS_COOLDOWN_MS: '1',
    });
    await service.port();
    peakBefore = await peakBytes(service);
  });

  afterAll(() => service.dispose());

  it.each([...HOSTILE_ANSWERS, ...REDIRECTIONS, ...KEY_SETS])(
    'gives no keys, and does no harm, by %s',
    async (_, answer) => {
      endpoint.behaviour = answer(elsewhere.url);
      endpoint.asked.length = 0;
      // Keys are asked for all the time; what is under way may be an answer of before.
      await eventually(() => Promise.resolve(expect(endpoint.asked.length).toBeGreaterThan(0)));
      await expectBounded(service);
    },
  );

  it.each(UNCOUNTED)('does no harm by %s, which only the time of an attempt ends', async (_, answer) => {
    endpoint.behaviour = answer(elsewhere.url);
    await expectBounded(service, Infinity);
  });

  it('has cost little memory in all', async () => {
    expect((await peakBytes(service)) - peakBefore).toBeLessThan(MOST_GROWN_BYTES);
  });
});
