import { getEventListeners } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../../test/support/manual-clock.js';
import { openServiceTokens, type OpenServiceTokens } from '../../test/support/service-tokens.js';
import { TokenEndpointServer, type TokenFault } from '../../test/support/token-endpoint.js';
import type { CircuitReport } from '../outbound/circuit-reports.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { type Clock, systemClock } from '../timing/clock.js';
import { TOKEN_ENDPOINT, TokenEndpoint } from './token-endpoint.service.js';

const BROKEN = { status: 500, body: '' };
const UNAVAILABLE = { code: 'ADMIN_UNAVAILABLE' };

describe('the policy of the token endpoint', () => {
  let endpoint: TokenEndpointServer;
  let clock: ManualClock;
  let opened: OpenServiceTokens;
  const raw: RawServer[] = [];

  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    endpoint = await TokenEndpointServer.start();
    clock = new ManualClock();
  });

  afterEach(async () => {
    await opened.close();
    await endpoint.close();
    await Promise.all(raw.splice(0).map(({ close }) => close()));
  });

  async function open(variables: Record<string, string> = {}, time: Clock = clock): Promise<void> {
    opened = await openServiceTokens(
      {
        SERVICE_TOKEN_URL: endpoint.url,
        SERVICE_CLIENT_ID: 'ingester',
        SERVICE_CLIENT_SECRET: 'hunter2',
        SERVICE_TOKEN_RETRY_BASE_MS: '1',
        ...variables,
      },
      time,
    );
  }

  const token = (): Promise<string | undefined> => opened.tokens.token();

  async function failure(): Promise<unknown> {
    return token().then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  /** Fails calls of one attempt each until the circuit is open. */
  async function breakDown(): Promise<void> {
    endpoint.options.fault = BROKEN;
    for (let calls = 0; calls < 5; calls += 1) await expect(token()).rejects.toMatchObject(UNAVAILABLE);
    expect(circuit()).toMatchObject({ state: 'open' });
  }

  function circuit(): CircuitReport {
    const found = opened.module.get(CircuitBreakers).get(TOKEN_ENDPOINT);
    if (!found) throw new Error('there is no circuit');
    return found.report();
  }

  it.each<[string, TokenFault]>([
    ['500', BROKEN],
    ['503', { status: 503, body: '' }],
    ['nonsense', { status: 200, body: '{}' }],
    ['half an answer', 'half'],
    ['a reset', 'reset'],
    ['silence', 'hang'],
    ['an answer that drips', 'drip'],
  ])('tries again after %s, in all three times, and counts each', async (_, fault) => {
    await open({ SERVICE_TOKEN_TIMEOUT_MS: '150' });
    endpoint.options.fault = fault;
    await expect(token()).rejects.toMatchObject(UNAVAILABLE);
    expect(endpoint.requests).toHaveLength(3);
    expect(circuit()).toMatchObject({ failure_count: 3, neutral_count: 0 });
  });

  it('tries again when nobody listens, and gives the token of the attempt that succeeds', async () => {
    const { url } = endpoint;
    await endpoint.close();
    await open();
    await expect(token()).rejects.toMatchObject(UNAVAILABLE);
    expect(circuit()).toMatchObject({ failure_count: 3 });
    endpoint = await TokenEndpointServer.start({}, Number(new URL(url).port));
    expect(await token()).toBe('token-1');
  });

  it.each([302, 400, 401, 403, 404, 422])('does not repeat what is answered with %d', async (status) => {
    await open();
    endpoint.options.fault = { status, body: '{"error":"invalid_client"}' };
    await expect(token()).rejects.toMatchObject({ ...UNAVAILABLE, cause: { statusCode: status } });
    expect(endpoint.requests).toHaveLength(1);
    expect(circuit()).toMatchObject({ failure_count: 0, neutral_count: 1 });
  });

  it.each([429, 503])('waits as long as %d asks for', async (status) => {
    await open({}, systemClock);
    endpoint.options.fault = { status, body: '', headers: { 'retry-after': '1' } };
    const waiting = token();
    await sleep(500);
    endpoint.options.fault = undefined;
    expect(endpoint.requests).toHaveLength(1);
    expect(await waiting).toBe('token-1');
    expect(circuit()).toMatchObject({ failure_count: 0, neutral_count: 1 });
  });

  it.each([429, 503])('leaves it alone when %d asks for more time than callers have', async (status) => {
    await open({ SERVICE_TOKEN_DEADLINE_MS: '1000' });
    endpoint.options.fault = { status, body: '', headers: { 'retry-after': '7' } };
    const told = { ...UNAVAILABLE, options: { retryAfterMs: 7_000 } };
    expect(await failure()).toMatchObject(told);
    expect(await failure()).toMatchObject(told);
    expect(endpoint.requests).toHaveLength(1);
    clock.pass(7_000);
    await failure();
    expect(endpoint.requests).toHaveLength(2);
    expect(circuit()).toMatchObject({ failure_count: 1, neutral_count: 1 });
  });

  it('lets nobody wait longer than the deadline, and blames the endpoint for it', async () => {
    await open(
      {
        SERVICE_TOKEN_DEADLINE_MS: '2500',
        SERVICE_TOKEN_TIMEOUT_MS: '1500',
        SERVICE_TOKEN_RETRY_ATTEMPTS: '9',
      },
      systemClock,
    );
    endpoint.options.fault = 'hang';
    const startedAtMs = performance.now();
    const failures = await Promise.all([failure(), failure()]);
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    expect(failures).toMatchObject([UNAVAILABLE, UNAVAILABLE]);
    expect(circuit()).toMatchObject({ failure_count: 2, neutral_count: 0 });
  });

  it('gives up on a connection that does not come about', async () => {
    const mute = await listenRaw(() => undefined);
    raw.push(mute);
    await open({
      SERVICE_TOKEN_URL: `https://127.0.0.1:${mute.port}/token`,
      SERVICE_TOKEN_CONNECT_TIMEOUT_MS: '200',
      SERVICE_TOKEN_RETRY_ATTEMPTS: '1',
    });
    await expect(token()).rejects.toMatchObject({
      ...UNAVAILABLE,
      cause: { code: 'UND_ERR_CONNECT_TIMEOUT' },
    });
    expect(circuit()).toMatchObject({ failure_count: 1 });
  });

  describe('when the endpoint is down', () => {
    beforeEach(() => open({ SERVICE_TOKEN_RETRY_ATTEMPTS: '1' }));

    it('turns callers away at once, saying when to come back', async () => {
      await breakDown();
      for (let calls = 0; calls < 100; calls += 1) {
        const { retryAfterMs } = ((await failure()) as { options: { retryAfterMs: number } }).options;
        expect(retryAfterMs).toBeGreaterThanOrEqual(27_000);
        expect(retryAfterMs).toBeLessThanOrEqual(33_000);
      }
      expect(await opened.tokens.health()).toMatchObject({ up: false });
      expect(endpoint.requests).toHaveLength(5);
    });

    it('tries after a while, and closes after two successes, for the second of which nobody waits', async () => {
      await breakDown();
      endpoint.options.fault = undefined;
      clock.pass(33_000);
      expect(await token()).toBe('token-1');
      expect(circuit()).toMatchObject({ state: 'half_open', success_count: 1 });
      expect(await token()).toBe('token-1');
      while (circuit().state !== 'closed') await sleep(5);
      expect(await token()).toBe('token-2');
      await sleep(30);
      expect(endpoint.requests).toHaveLength(7);
    });

    it('is tried again every 30 s, however long it was down', async () => {
      await breakDown();
      for (let tries = 1; tries <= 5; tries += 1) {
        clock.pass(33_000);
        await failure();
        expect(endpoint.requests).toHaveLength(5 + tries);
      }
    });

    it('uses a valid token on to its end', async () => {
      expect(await token()).toBe('token-1');
      endpoint.options.fault = BROKEN;
      clock.pass(29 * 60_000);
      for (let second = 0; second < 59; second += 1) {
        expect(await token()).toBe('token-1');
        await sleep(2);
        clock.pass(1_000);
      }
      clock.pass(1_000);
      await expect(token()).rejects.toMatchObject(UNAVAILABLE);
    });
  });

  it('ends its back-off at once at shutdown', async () => {
    await open({ SERVICE_TOKEN_RETRY_BASE_MS: '10000' }, systemClock);
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.9);
    endpoint.options.fault = BROKEN;
    const waiting = failure();
    while (endpoint.requests.length === 0) await sleep(5);
    await sleep(50);
    const startedAtMs = performance.now();
    await opened.tokens.onApplicationShutdown();
    expect(await waiting).toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(endpoint.requests).toHaveLength(1);
    random.mockRestore();
  });

  it('tells nothing of an answer that is no HTTP', async () => {
    const babbler = await listenRaw((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nno header at all: s3cret-token\r\n\r\n'));
    });
    raw.push(babbler);
    await open({
      SERVICE_TOKEN_URL: `http://127.0.0.1:${babbler.port}/token`,
      SERVICE_TOKEN_RETRY_ATTEMPTS: '1',
    });
    const error = await failure();
    expect(error).toMatchObject({ ...UNAVAILABLE, cause: { name: 'HTTPParserError' } });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('s3cret');
    expect(circuit()).toMatchObject({ failure_count: 1 });
  });

  it('leaves no listener on a signal that lives long', async () => {
    await open();
    const living = new AbortController();
    const { signal } = living;
    for (let calls = 0; calls < 100; calls += 1) {
      if (calls === 50) endpoint.options.fault = { status: 400, body: '' };
      await opened.module
        .get(TokenEndpoint)
        .issue({ targets: [TOKEN_ENDPOINT], signal })
        .catch(() => undefined);
    }
    expect(endpoint.requests).toHaveLength(100);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

interface RawServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** A server that speaks no HTTP of its own. */
async function listenRaw(onSocket: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, close };
}
