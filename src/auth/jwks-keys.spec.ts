import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createServer, type Server } from 'node:http';
import { type OpenJwksKeys, openJwksKeys } from '../../test/support/jwks-keys.js';
import { createTestKeys, type TestKeys } from '../../test/support/tokens.js';
import type { JwksKeys } from './jwks-keys.js';

describe('JwksKeys', () => {
  let first: TestKeys;
  let second: TestKeys;
  let server: Server;
  let port = 0;
  let fetches: number;
  let answer: { status: number; body: string };
  const opened: OpenJwksKeys[] = [];

  beforeAll(async () => {
    [first, second] = await Promise.all([createTestKeys(), createTestKeys()]);
  });

  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    fetches = 0;
    serve(first.jwk({ kid: 'first' }));
    server = createServer((_, response) => {
      fetches += 1;
      response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.body);
    });
    port = await listen(server, 0);
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((jwks) => jwks.close()));
    await closeServer();
  });

  function serve(...keys: unknown[]): void {
    answer = { status: 200, body: JSON.stringify({ keys }) };
  }

  async function open({ maxAgeMs = 60_000, cooldownMs = 60_000, timeoutMs = 1_000 } = {}): Promise<JwksKeys> {
    const keys = await openJwksKeys({
      JWT_JWKS_URL: `http://127.0.0.1:${port}/keys`,
      JWT_JWKS_MAX_AGE_MS: String(maxAgeMs),
      JWT_JWKS_COOLDOWN_MS: String(cooldownMs),
      JWT_JWKS_TIMEOUT_MS: String(timeoutMs),
      // What more attempts and the circuit do is shown beside the endpoint.
      JWT_JWKS_RETRY_ATTEMPTS: '1',
      JWT_JWKS_CIRCUIT_FAILURE_THRESHOLD: '1000',
    });
    opened.push(keys);
    return keys.keys;
  }

  function closeServer(): Promise<unknown> {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  }

  it('fetches the set once for any number of tokens at once, and keeps it', async () => {
    const keys = await open();
    const found = await Promise.all(Array.from({ length: 20 }, () => knows(keys, 'first', first)));
    expect(found).toEqual(found.map(() => true));
    expect(await knows(keys, 'first', first)).toBe(true);
    expect(fetches).toBe(1);
  });

  it('fetches ahead of the first token', async () => {
    const keys = await open();
    keys.onApplicationBootstrap();
    await until(() => fetches === 1);
    await keys.keysFor('first');
    expect(fetches).toBe(1);
  });

  it('fetches again for an unknown kid, but not within the cooldown', async () => {
    const keys = await open({ cooldownMs: 1_000 });
    await keys.keysFor('first');
    serve(first.jwk({ kid: 'first' }), second.jwk({ kid: 'second' }));
    expect(await keys.keysFor('second')).toEqual([]);
    expect(fetches).toBe(1);
    await pause(1_010);
    expect(await knows(keys, 'second', second)).toBe(true);
    await Promise.all(Array.from({ length: 20 }, (_, index) => keys.keysFor(`unknown-${index}`)));
    expect(fetches).toBe(2);
  });

  it('refreshes the set in the background, and forgets a key that was withdrawn', async () => {
    const keys = await open({ maxAgeMs: 50 });
    expect(await knows(keys, 'first', first)).toBe(true);
    serve(second.jwk({ kid: 'second' }));
    await until(() => knows(keys, 'second', second));
    expect(await keys.keysFor('first')).toEqual([]);
  });

  it('keeps the last good set while the endpoint is down or talks nonsense, and recovers', async () => {
    const keys = await open({ maxAgeMs: 20, cooldownMs: 20 });
    await keys.keysFor('first');
    for (const body of ['', '{}', '[]', '{"keys":7}', '{"keys":[]}', 'nonsense']) {
      answer = { status: 200, body };
      await nextFetch();
      expect(await knows(keys, 'first', first)).toBe(true);
    }
    answer = { status: 500, body: '{"keys":[]}' };
    await nextFetch();
    await closeServer();
    await pause(50);
    expect(await knows(keys, 'first', first)).toBe(true);
    serve(second.jwk({ kid: 'second' }));
    await listen(server, port);
    await until(() => knows(keys, 'second', second));
  });

  async function nextFetch(): Promise<void> {
    const before = fetches;
    await until(() => fetches > before + 1);
  }

  it('asks a broken endpoint for an unknown kid no more often than the cooldown allows', async () => {
    const keys = await open();
    await keys.keysFor('first');
    answer = { status: 503, body: '' };
    for (let token = 0; token < 20; token += 1) await keys.keysFor(`unknown-${token}`);
    expect(fetches).toBe(1);
  });

  it('says ADMIN_UNAVAILABLE while there has never been a set, and asks again soon', async () => {
    answer = { status: 503, body: '' };
    const keys = await open();
    await expect(keys.keysFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
    await expect(keys.keysFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
    expect(fetches).toBe(1);
    serve(first.jwk({ kid: 'first' }));
    await pause(1_010);
    expect(await knows(keys, 'first', first)).toBe(true);
  });

  it('gives up on an endpoint that does not answer, or answers without end', async () => {
    server.removeAllListeners('request');
    server.once('request', () => undefined);
    const silent = await open({ timeoutMs: 100 });
    await expect(silent.keysFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
    server.on('request', (_, response) => response.end('x'.repeat(2 * 1024 * 1024)));
    await expect((await open()).keysFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
  });

  it('says what makes a set useless, once until it changes, and that the set is good again', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReset();
    serve(first.jwk({ use: 'enc' }));
    const keys = await open({ maxAgeMs: 20, cooldownMs: 20 });
    const log = jest.spyOn(Logger.prototype, 'log').mockReset();
    keys.onApplicationBootstrap();
    await nextFetch();
    const useless =
      'the JWKS endpoint answered 200, but no key of it can be used: keys[0]: its use is not sig';
    expect([keys.hasKeys, await keys.health()]).toEqual([
      false,
      { up: false, reason: useless, cause: expect.objectContaining({ code: 'ADMIN_UNAVAILABLE' }) },
    ]);
    expect(warn.mock.calls).toHaveLength(1);

    serve();
    await nextFetch();
    expect(await keys.health()).toMatchObject({
      reason: expect.stringContaining('its list "keys" is empty'),
    });
    expect(warn).toHaveBeenCalledTimes(2);

    serve(first.jwk({ kid: 'first' }), { ...second.jwk(), n: 5 });
    await until(() => keys.hasKeys);
    await nextFetch();
    expect([keys.hasKeys, await keys.health()]).toEqual([true, { up: true }]);
    expect(log.mock.calls).toEqual([['The JWKS is good again']]);
    expect(warn.mock.calls.slice(2)).toEqual([
      ['Keys of the JWKS are not used: keys[1]: its n or e is missing or broken'],
    ]);

    await closeServer();
    await until(async () => !(await keys.health()).up);
    expect(await keys.health()).toMatchObject({ reason: 'the JWKS cannot be fetched' });
    expect(await knows(keys, 'first', first)).toBe(true);
    await listen(server, port);
  });
});

async function knows(keys: JwksKeys, kid: string | undefined, expected: TestKeys): Promise<boolean> {
  const [key, ...others] = await keys.keysFor(kid);
  return key?.equals(expected.publicKey) === true && others.length === 0;
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for a fact; the test's own time limit is the last resort. */
async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await pause(5);
}
