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
    await keys.keyFor('first');
    expect(fetches).toBe(1);
  });

  it('fetches again for an unknown kid, but not within the cooldown', async () => {
    const keys = await open({ cooldownMs: 1_000 });
    await keys.keyFor('first');
    serve(first.jwk({ kid: 'first' }), second.jwk({ kid: 'second' }));
    expect(await keys.keyFor('second')).toBeUndefined();
    expect(fetches).toBe(1);
    await pause(1_010);
    expect(await knows(keys, 'second', second)).toBe(true);
    await Promise.all(Array.from({ length: 20 }, (_, index) => keys.keyFor(`unknown-${index}`)));
    expect(fetches).toBe(2);
  });

  it('refreshes the set in the background, and forgets a key that was withdrawn', async () => {
    const keys = await open({ maxAgeMs: 50 });
    expect(await knows(keys, 'first', first)).toBe(true);
    serve(second.jwk({ kid: 'second' }));
    await until(() => knows(keys, 'second', second));
    expect(await keys.keyFor('first')).toBeUndefined();
  });

  it('keeps the last good set while the endpoint is down or talks nonsense, and recovers', async () => {
    const keys = await open({ maxAgeMs: 20, cooldownMs: 20 });
    await keys.keyFor('first');
    for (const body of ['', '{}', '[]', '{"keys":7}', 'nonsense']) {
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
    await keys.keyFor('first');
    answer = { status: 503, body: '' };
    for (let token = 0; token < 20; token += 1) await keys.keyFor(`unknown-${token}`);
    expect(fetches).toBe(1);
  });

  it('says ADMIN_UNAVAILABLE while there has never been a set, and asks again soon', async () => {
    answer = { status: 503, body: '' };
    const keys = await open();
    await expect(keys.keyFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
    await expect(keys.keyFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
    expect(fetches).toBe(1);
    serve(first.jwk({ kid: 'first' }));
    await pause(1_010);
    expect(await knows(keys, 'first', first)).toBe(true);
  });

  it('gives up on an endpoint that does not answer, or answers without end', async () => {
    server.removeAllListeners('request');
    server.once('request', () => undefined);
    const silent = await open({ timeoutMs: 100 });
    await expect(silent.keyFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
    server.on('request', (_, response) => response.end('x'.repeat(2 * 1024 * 1024)));
    await expect((await open()).keyFor('first')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
  });

  it('takes a token without kid when one key fits, and refuses to guess when several do', async () => {
    expect(await knows(await open(), undefined, first)).toBe(true);
    serve(first.jwk({ kid: 'first' }), second.jwk({ kid: 'second', use: 'enc' }));
    expect(await knows(await open(), undefined, first)).toBe(true);
    serve(first.jwk({ kid: 'first' }), second.jwk({ kid: 'second' }));
    expect(await (await open()).keyFor(undefined)).toBeUndefined();
  });

  it('does not use keys for other purposes, weak, private or broken ones, nor lets them spoil the set', async () => {
    const weak = await createTestKeys(1024);
    const unusable = {
      encryption: first.jwk({ use: 'enc' }),
      otherAlgorithm: first.jwk({ alg: 'RS512' }),
      signingOnly: first.jwk({ key_ops: ['sign'] }),
      secret: { kty: 'oct', k: 'c2VjcmV0' },
      private: { ...first.privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' },
      halved: { kty: 'RSA', e: 'AQAB', alg: 'RS256' },
      weak: weak.jwk(),
    };
    serve(
      ...Object.entries(unusable).map(([kid, key]) => Object.assign(key, { kid })),
      second.jwk({ kid: 'good', use: undefined, alg: undefined }),
    );
    const keys = await open();
    for (const kid of Object.keys(unusable)) expect([kid, await keys.keyFor(kid)]).toEqual([kid, undefined]);
    expect(await knows(keys, 'good', second)).toBe(true);
  });
});

async function knows(keys: JwksKeys, kid: string | undefined, expected: TestKeys): Promise<boolean> {
  return (await keys.keyFor(kid))?.equals(expected.publicKey) ?? false;
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
