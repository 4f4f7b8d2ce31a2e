import { createServer, type RequestListener, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { type OpenJwksKeys, openJwksKeys } from '../../test/support/jwks-keys.js';
import { listen, shut } from '../../test/support/local-server.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { createTestKeys, type TestKeys } from '../../test/support/tokens.js';
import type { CircuitReport } from '../outbound/circuit-reports.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { type Clock, systemClock } from '../timing/clock.js';
import { JWKS } from './jwks-endpoint.service.js';

const UNAVAILABLE = { code: 'ADMIN_UNAVAILABLE' };

const broken: RequestListener = (_, response) => response.writeHead(500).end();
const half: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-length': 100 }).write('{"keys":[', () => response.destroy());
};
const drip: RequestListener = (_, response) => {
  const timer = setInterval(() => response.write(' '), 20);
  response.once('close', () => clearInterval(timer));
};

describe('the policy of the JWKS endpoint', () => {
  let testKeys: TestKeys;
  let server: Server;
  let url: string;
  let fetches: number;
  let answer: RequestListener;
  let clock: ManualClock;
  let opened: OpenJwksKeys;

  const good: RequestListener = (_, response) =>
    response.end(JSON.stringify({ keys: [testKeys.jwk({ kid: 'first' })] }));

  beforeAll(async () => {
    testKeys = await createTestKeys();
  });

  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    fetches = 0;
    answer = good;
    clock = new ManualClock();
    server = createServer((request, response) => {
      fetches += 1;
      answer(request, response);
    });
    url = `${await listen(server)}/keys`;
  });

  afterEach(async () => {
    await opened.close();
    await shut(server);
  });

  async function open(variables: Record<string, string> = {}, time: Clock = clock): Promise<void> {
    opened = await openJwksKeys(
      { JWT_JWKS_URL: url, JWT_JWKS_RETRY_BASE_MS: '1', JWT_JWKS_COOLDOWN_MS: '1', ...variables },
      time,
    );
  }

  const failure = (kid = 'first'): Promise<unknown> =>
    opened.keys.keysFor(kid).then(
      () => undefined,
      (error: unknown) => error,
    );

  function circuit(): CircuitReport {
    const found = opened.module.get(CircuitBreakers).get(JWKS);
    if (!found) throw new Error('there is no circuit');
    return found.report();
  }

  /** Asks for keys nobody has until the circuit is open; each is a fetch of one attempt. */
  async function breakDown(): Promise<void> {
    answer = broken;
    while (circuit().state === 'closed') {
      await failure('nobody has this one');
      await sleep(2);
    }
  }

  it.each<[string, RequestListener]>([
    ['500', broken],
    ['nonsense', (_, response) => response.end('nonsense')],
    ['what is no key set', (_, response) => response.end('{"keys":7}')],
    ['a set without a key', (_, response) => response.end('{"keys":[]}')],
    ['half an answer', half],
    ['a reset', (_, response) => response.socket?.resetAndDestroy()],
    ['silence', () => undefined],
    ['an answer that drips', drip],
    ['an answer without end', (_, response) => response.end('x'.repeat(2 * 1024 * 1024))],
  ])('tries again after %s, in all three times, and counts each', async (_, fault) => {
    await open({ JWT_JWKS_TIMEOUT_MS: '150', JWT_JWKS_COOLDOWN_MS: '60000' });
    answer = fault;
    expect(await failure()).toMatchObject({ ...UNAVAILABLE, cause: UNAVAILABLE });
    expect(fetches).toBe(3);
    expect(circuit()).toMatchObject({ failure_count: 3, neutral_count: 0 });
  });

  it.each([302, 401, 403, 404])('does not repeat what is answered with %d', async (status) => {
    await open({ JWT_JWKS_COOLDOWN_MS: '60000' });
    answer = (_, response) => response.writeHead(status).end();
    expect(await failure()).toMatchObject({ ...UNAVAILABLE, cause: { cause: { statusCode: status } } });
    expect(fetches).toBe(1);
    expect(circuit()).toMatchObject({ failure_count: 0, neutral_count: 1 });
  });

  it.each([429, 503])('waits as long as %d asks for', async (status) => {
    await open({}, systemClock);
    answer = (_, response) => {
      answer = good;
      response.writeHead(status, { 'retry-after': '1' }).end();
    };
    const startedAtMs = performance.now();
    expect(await opened.keys.keysFor('first')).toHaveLength(1);
    expect(performance.now() - startedAtMs).toBeGreaterThan(900);
    expect(fetches).toBe(2);
    expect(circuit()).toMatchObject({ failure_count: 0, neutral_count: 1 });
  });

  it('passes on how long it asks to be left alone', async () => {
    await open({ JWT_JWKS_DEADLINE_MS: '1000' });
    answer = (_, response) => response.writeHead(503, { 'retry-after': '7' }).end();
    const told = { ...UNAVAILABLE, options: { retryAfterMs: 7_000 } };
    expect(await failure()).toMatchObject(told);
    await sleep(2);
    expect(await failure()).toMatchObject(told);
    expect(fetches).toBe(1);
  });

  it('lets nobody wait longer than the deadline, and blames the endpoint for it', async () => {
    await open({ JWT_JWKS_DEADLINE_MS: '300', JWT_JWKS_RETRY_ATTEMPTS: '9' }, systemClock);
    answer = () => undefined;
    const startedAtMs = performance.now();
    expect(await failure()).toMatchObject(UNAVAILABLE);
    expect(performance.now() - startedAtMs).toBeLessThan(4_000);
    expect(circuit()).toMatchObject({ failure_count: 1, neutral_count: 0 });
  });

  describe('when the endpoint is down', () => {
    beforeEach(() => open({ JWT_JWKS_RETRY_ATTEMPTS: '1' }));

    it('keeps the last good set, and refuses unknown keys at once', async () => {
      expect(await opened.keys.keysFor('first')).toHaveLength(1);
      await breakDown();
      expect(fetches).toBe(1 + 5);
      for (let tokens = 0; tokens < 100; tokens += 1) {
        expect(await opened.keys.keysFor('first')).toHaveLength(1);
        expect(await opened.keys.keysFor(`unknown-${tokens}`)).toEqual([]);
      }
      expect(fetches).toBe(1 + 5);
    });

    it('says when to come back while there has never been a set', async () => {
      await breakDown();
      await sleep(2);
      const error = await failure();
      expect(error).toMatchObject(UNAVAILABLE);
      const { retryAfterMs } = (error as { options: { retryAfterMs: number } }).options;
      expect(retryAfterMs).toBeGreaterThanOrEqual(27_000);
      expect(retryAfterMs).toBeLessThanOrEqual(33_000);
      expect(fetches).toBe(5);
    });

    it('tries after a while, and closes after two successes without a token that needs them', async () => {
      await breakDown();
      answer = good;
      clock.pass(33_000);
      await sleep(2);
      expect(await opened.keys.keysFor('first')).toHaveLength(1);
      while (circuit().state !== 'closed') await sleep(5);
      await sleep(30);
      expect(fetches).toBe(5 + 2);
    });
  });

  it('ends its back-off at once at shutdown', async () => {
    await open({ JWT_JWKS_RETRY_BASE_MS: '10000' }, systemClock);
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.9);
    answer = broken;
    const waiting = failure();
    await eventually(async () => expect(await Promise.resolve(fetches)).toBe(1));
    await sleep(50);
    const startedAtMs = performance.now();
    await opened.keys.onApplicationShutdown();
    expect(await waiting).toMatchObject(UNAVAILABLE);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(fetches).toBe(1);
    random.mockRestore();
  });
});
