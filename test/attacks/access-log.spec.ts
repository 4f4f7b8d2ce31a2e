import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { assembleToken, createTestKeys, usableClaims } from '../support/tokens.js';

type Line = Record<string, unknown>;

const RECEIPT = '/api/v1/files/0f8fad5b-d9cb-469f-a165-70867728950e';
/** Nobody has signed it. */
const FORGED = assembleToken({ alg: 'RS256', typ: 'JWT' }, usableClaims(), () => 'c2lnbmF0dXJl');

const keys = await createTestKeys();
let service: ServiceProcess;

async function start(variables: Record<string, string> = {}): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ingester-access-log-'));
  service = await startServiceProcess({
    NODE_ENV: 'test',
    DATA_DIR: dataDir,
    JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir),
    ...variables,
  });
  return `http://127.0.0.1:${await service.port()}`;
}

afterEach(() => service.dispose());

const lines = (): Line[] =>
  service
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): Line => JSON.parse(line));

/** The line of the request with this id, once it is written. */
async function lineOf(requestId: string): Promise<Line> {
  let found: Line | undefined;
  await eventually(async () => {
    found = lines().find(({ request_id, msg }) => request_id === requestId && msg === 'request finished');
    expect(found).toBeDefined();
  });
  return found ?? {};
}

/** Asks for a receipt, by default without a token. */
function ask(url: string, requestId: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url + RECEIPT, { headers: { 'X-Request-ID': requestId, ...headers } });
}

describe('the address of a client in the log', () => {
  it('is that of the connection, whatever the client says of itself', async () => {
    await ask(await start(), 'forged', { 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7' });
    expect(await lineOf('forged')).toMatchObject({ client_address: '127.0.0.1' });
  });

  it('is the one that a trusted proxy names, and no other of its list', async () => {
    const url = await start({ TRUSTED_PROXIES: 'loopback, 198.51.100.0/24' });
    await ask(url, 'one', { 'X-Forwarded-For': '203.0.113.7' });
    await ask(url, 'forged', { 'X-Forwarded-For': '192.0.2.1, 203.0.113.7, 198.51.100.9' });
    await ask(url, 'six', { 'X-Forwarded-For': '2001:db8::1' });
    await ask(url, 'none', { 'X-Forwarded-For': `"x'\\u0000${'y'.repeat(5_000)}` });
    const addresses = await Promise.all(['one', 'forged', 'six', 'none'].map(lineOf));
    expect(addresses.map(({ client_address }) => client_address)).toEqual([
      '203.0.113.7',
      '203.0.113.7',
      '2001:db8::1',
      '127.0.0.1',
    ]);
  });

  it('is the plain one of IPv4 where the service listens for both families', async () => {
    await ask(await start({ HOST: '::' }), 'mapped');
    expect(await lineOf('mapped')).toMatchObject({ client_address: '127.0.0.1' });
  });

  it('is all that a trusted proxy decides: no answer follows its other headers', async () => {
    const url = await start({ TRUSTED_PROXIES: 'loopback' });
    const forwarded = { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https' };
    for (const path of ['/docs', '/docs/json', '/health', '/nowhere', RECEIPT]) {
      const answer = await fetch(url + path, { headers: forwarded, redirect: 'manual' });
      const told = JSON.stringify([...answer.headers]) + (await answer.text());
      expect([path, told.includes('evil.example')]).toEqual([path, false]);
    }
  });
});

describe('a refusal in the log', () => {
  it('has its code and reason in the one line of its request, and nothing of the token', async () => {
    const url = await start({ MAX_FILE_BYTES: '10' });
    await ask(url, 'no-token');
    await ask(url, 'forged-token', { Authorization: `Bearer ${FORGED}` });
    await ask(url, 'no-right', {
      Authorization: `Bearer ${await keys.sign({ role: 'nobody' })}`,
    });
    await fetch(url + RECEIPT, {
      method: 'PUT',
      headers: { 'X-Request-ID': 'too-large', Authorization: `Bearer ${await keys.sign()}` },
      body: 'x'.repeat(11),
    });
    expect(await lineOf('no-token')).toMatchObject({
      level: 'info',
      status: 401,
      code: 'UNAUTHORIZED',
      reason: 'There is no Authorization header.',
    });
    expect(await lineOf('forged-token')).toMatchObject({
      status: 401,
      reason: 'The signature of the token is not good.',
    });
    expect(await lineOf('too-large')).toMatchObject({ status: 413, code: 'FILE_TOO_LARGE' });
    expect(lines().filter(({ request_id }) => request_id === 'no-token')).toHaveLength(1);
    expect(service.output()).not.toContain(FORGED.slice(0, 20));
  });

  it('is counted beyond ten in a second, while other requests keep their lines', async () => {
    const url = await start();
    const count = 200;
    await Promise.all(Array.from({ length: count }, (_, index) => ask(url, `guess-${index}`)));
    await (await fetch(`${url}/metrics`, { headers: { 'X-Request-ID': 'good' } })).text();
    expect(await lineOf('good')).toMatchObject({ status: 200 });
    expect(await lineOf('good')).not.toHaveProperty('code');
    await eventually(async () => expect(written() + leftOut()).toBe(count));
    expect(leftOut()).toBeGreaterThan(0);
  });

  const written = (): number => lines().filter(({ code }) => code === 'UNAUTHORIZED').length;
  const leftOut = (): number => lines().reduce((sum, { left_out: count }) => sum + Number(count ?? 0), 0);
});

describe('a path in the log', () => {
  it('is cut with a mark where it is long', async () => {
    await fetch(`${await start()}/${'a'.repeat(12_000)}`, { headers: { 'X-Request-ID': 'long' } });
    const { path } = await lineOf('long');
    expect(path).toBe(`/${'a'.repeat(1023)}… (12001 characters)`);
  });

  it('is nowhere whole, even where everything is logged', async () => {
    const url = await start({ LOG_LEVEL: 'trace' });
    await fetch(`${url}/${'a'.repeat(12_000)}`, { headers: { 'X-Request-ID': 'long' } });
    await lineOf('long');
    expect(
      Math.max(
        ...service
          .output()
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThan(32 * 1024);
    expect(service.output()).not.toContain('a'.repeat(9_000));
  });

  it('costs no more where it looks like many tokens', async () => {
    await start();
    const port = await service.port();
    const times = { attack: Infinity, harmless: Infinity };
    // In turns, and by the quickest of each, so that a busy machine decides nothing.
    for (let round = 0; round < 15; round++) {
      times.harmless = Math.min(times.harmless, await timeOf(port, '/aaaa'));
      times.attack = Math.min(times.attack, await timeOf(port, '/eyJ-'));
    }
    expect(times.attack / times.harmless).toBeLessThan(10);
  });

  /** Milliseconds from a request to the answer to the next one, which waits until the line of the first is written. */
  async function timeOf(port: number, beginning: string): Promise<number> {
    const client = await RawClient.connect(port);
    const startedAt = performance.now();
    client.head(`GET /${beginning.slice(1).repeat(3_750)}`, {});
    await client.response();
    await client.head('GET /health', {}).response();
    client.close();
    return performance.now() - startedAt;
  }
});
