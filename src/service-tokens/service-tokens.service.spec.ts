import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../../test/support/manual-clock.js';
import { TokenEndpointServer } from '../../test/support/token-endpoint.js';
import { openServiceTokens, type OpenServiceTokens } from '../../test/support/service-tokens.js';
import type { ServiceTokens } from './service-tokens.service.js';

const SECRET = 'p@ss&word=+ ü';
const MINUTE_MS = 60_000;

describe('ServiceTokens', () => {
  let endpoint: TokenEndpointServer;
  let clock: ManualClock;
  const opened: OpenServiceTokens[] = [];
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);

  beforeEach(async () => {
    endpoint = await TokenEndpointServer.start();
    clock = new ManualClock();
    warn.mockClear();
  });

  afterEach(async () => {
    await endpoint.close();
    await Promise.all(opened.splice(0).map((open) => open.close()));
  });

  async function tokensWith(variables: Record<string, string> = {}): Promise<ServiceTokens> {
    const open = await openServiceTokens(
      {
        SERVICE_TOKEN_URL: endpoint.url,
        SERVICE_CLIENT_ID: 'ingester',
        SERVICE_CLIENT_SECRET: SECRET,
        SERVICE_TOKEN_TIMEOUT_MS: '1500',
        // What more attempts do is shown beside the endpoint.
        SERVICE_TOKEN_RETRY_ATTEMPTS: '1',
        ...variables,
      },
      clock,
    );
    opened.push(open);
    return open.tokens;
  }

  /** Lets requests in the background come to their end. */
  async function settled(requests: number): Promise<void> {
    while (endpoint.requests.length < requests) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }

  describe('asks', () => {
    it('with the form of RFC 6749', async () => {
      await (await tokensWith({ SERVICE_TOKEN_SCOPE: 'files:write' })).token();
      const [request] = endpoint.requests;
      expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
      expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
        grant_type: 'client_credentials',
        client_id: 'ingester',
        client_secret: SECRET,
        scope: 'files:write',
      });
    });

    it('with the JSON of artStore', async () => {
      await (await tokensWith({ SERVICE_TOKEN_ENCODING: 'json' })).token();
      const [request] = endpoint.requests;
      expect(request?.headers['content-type']).toBe('application/json');
      expect(JSON.parse(request?.body ?? '')).toEqual({
        grant_type: 'client_credentials',
        client_id: 'ingester',
        client_secret: SECRET,
      });
    });

    it('nobody where no endpoint is configured', async () => {
      const tokens = await tokensWith({
        SERVICE_TOKEN_URL: '',
        SERVICE_CLIENT_ID: '',
        SERVICE_CLIENT_SECRET: '',
      });
      expect(await tokens.token()).toBeUndefined();
      expect(await tokens.renew('x')).toBeUndefined();
      expect(await tokens.health()).toEqual({ up: true });
    });

    it('once, however many wait', async () => {
      const tokens = await tokensWith();
      const { promise, resolve } = Promise.withResolvers<void>();
      endpoint.options.gate = promise;
      const waiting = Array.from({ length: 100 }, () => tokens.token());
      resolve();
      expect(new Set(await Promise.all(waiting))).toEqual(new Set(['token-1']));
      expect(endpoint.requests).toHaveLength(1);
    });

    it('again after a failure', async () => {
      const tokens = await tokensWith();
      endpoint.options.fault = { status: 500, body: '' };
      const failed = await Promise.allSettled([tokens.token(), tokens.token()]);
      expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(endpoint.requests).toHaveLength(1);
      endpoint.options.fault = undefined;
      expect(await tokens.token()).toBe('token-1');
    });
  });

  describe('renews', () => {
    it('before the end, without letting callers wait', async () => {
      const tokens = await tokensWith();
      await tokens.token();
      clock.pass(29 * MINUTE_MS - 1);
      expect(await tokens.token()).toBe('token-1');
      expect(endpoint.requests).toHaveLength(1);
      clock.pass(1);
      const { promise, resolve } = Promise.withResolvers<void>();
      endpoint.options.gate = promise;
      expect(await Promise.all([tokens.token(), tokens.token()])).toEqual(['token-1', 'token-1']);
      resolve();
      await settled(2);
      expect(await tokens.token()).toBe('token-2');
      expect(endpoint.requests).toHaveLength(2);
    });

    it('an expired token before it is given away', async () => {
      const tokens = await tokensWith();
      await tokens.token();
      clock.pass(30 * MINUTE_MS);
      expect(await tokens.token()).toBe('token-2');
    });

    it('a short-lived token at half its life and not with every call', async () => {
      endpoint.options.expiresIn = 10;
      const tokens = await tokensWith();
      await tokens.token();
      clock.pass(4_999);
      for (let call = 0; call < 10; call += 1) expect(await tokens.token()).toBe('token-1');
      await settled(1);
      expect(endpoint.requests).toHaveLength(1);
      clock.pass(1);
      expect(await tokens.token()).toBe('token-1');
      await settled(2);
      expect(await tokens.token()).toBe('token-2');
    });

    it('later when it fails, keeping what it has and asking less often than it is called', async () => {
      const tokens = await tokensWith();
      await tokens.token();
      endpoint.options.fault = { status: 503, body: SECRET };
      clock.pass(29 * MINUTE_MS);
      expect(await tokens.token()).toBe('token-1');
      await settled(2);
      for (let call = 0; call < 10; call += 1) expect(await tokens.token()).toBe('token-1');
      await settled(2);
      expect(endpoint.requests).toHaveLength(2);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(inspect(warn.mock.calls)).not.toContain(SECRET);
      endpoint.options.fault = undefined;
      clock.pass(MINUTE_MS / 2);
      expect(await tokens.token()).toBe('token-1');
      await settled(3);
      expect(await tokens.token()).toBe('token-2');
    });
  });

  describe('replaces a rejected token', () => {
    it('once for all who had it', async () => {
      const tokens = await tokensWith();
      await tokens.token();
      const renewed = await Promise.all([tokens.renew('token-1'), tokens.renew('token-1')]);
      expect(renewed).toEqual(['token-2', 'token-2']);
      expect(await tokens.renew('token-1')).toBe('token-2');
      expect(await tokens.token()).toBe('token-2');
      expect(endpoint.requests).toHaveLength(2);
    });

    it('not again for ten seconds where its replacement is rejected too', async () => {
      const tokens = await tokensWith();
      await tokens.token();
      expect(await tokens.renew('token-1')).toBe('token-2');
      for (let call = 0; call < 10; call += 1) expect(await tokens.renew('token-2')).toBe('token-2');
      clock.pass(9_999);
      expect(await tokens.renew('token-2')).toBe('token-2');
      expect(endpoint.requests).toHaveLength(2);
      clock.pass(1);
      expect(await tokens.renew('token-2')).toBe('token-3');
      expect(await tokens.renew('token-3')).toBe('token-3');
    });

    it('at once where that was issued for its age, or is over by now', async () => {
      endpoint.options.expiresIn = 8;
      const tokens = await tokensWith();
      await tokens.token();
      expect(await tokens.renew('token-1')).toBe('token-2');
      clock.pass(5_000);
      expect(await tokens.token()).toBe('token-2');
      await settled(3);
      expect(await tokens.renew('token-3')).toBe('token-4');
      clock.pass(8_000);
      expect(await tokens.renew('token-4')).toBe('token-5');
    });

    it('and keeps it for others while there is no new one', async () => {
      const tokens = await tokensWith();
      await tokens.token();
      endpoint.options.fault = 'reset';
      await expect(tokens.renew('token-1')).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
      expect(await tokens.token()).toBe('token-1');
    });
  });

  describe('fails with ADMIN_UNAVAILABLE', () => {
    it.each([
      ['refuses us', { status: 401, body: '{"error":"invalid_client"}' }],
      ['refuses us without saying why', { status: 400, body: 'no' }],
      ['is broken', { status: 500, body: `{"error":"${SECRET}"}` }],
      ['redirects', { status: 302, body: '' }],
      ['answers with no JSON', { status: 200, body: '<html>s3cret-token</html>' }],
      ['answers without a token', { status: 200, body: '{"token_type":"Bearer","expires_in":1800}' }],
      [
        'answers with a token that breaks a header',
        {
          status: 200,
          body: '{"access_token":"s3cret-token\\r\\nx: y","token_type":"Bearer","expires_in":60}',
        },
      ],
      [
        'answers with another kind of token',
        { status: 200, body: '{"access_token":"s3cret-token","token_type":"mac","expires_in":60}' },
      ],
      [
        'answers without an end',
        { status: 200, body: '{"access_token":"s3cret-token","token_type":"Bearer"}' },
      ],
      [
        'answers with a token that is over',
        { status: 200, body: '{"access_token":"s3cret-token","token_type":"Bearer","expires_in":0}' },
      ],
      ['answers without limit', { status: 200, body: ' '.repeat(100_000) }],
      ['resets the connection', 'reset'],
      ['does not answer', 'hang'],
    ] as const)('when the endpoint %s, and tells no secret', async (_what, fault) => {
      endpoint.options.fault = fault;
      const tokens = await tokensWith();
      const error: unknown = await tokens.token().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
      const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error);
      expect(shown).not.toContain(SECRET);
      expect(shown).not.toContain(encodeURIComponent(SECRET));
      expect(shown).not.toContain('s3cret-token');
      expect(await tokens.health()).toEqual({ up: false, reason: expect.stringContaining('token endpoint') });
    });

    it('when nobody listens', async () => {
      await endpoint.close();
      await expect((await tokensWith()).token()).rejects.toMatchObject({ code: 'ADMIN_UNAVAILABLE' });
    });
  });

  it('is up while it holds a valid token, also when the endpoint is gone', async () => {
    const tokens = await tokensWith();
    expect(await tokens.health()).toEqual({ up: true });
    endpoint.options.fault = 'reset';
    expect(await tokens.health()).toEqual({ up: true });
    clock.pass(31 * MINUTE_MS);
    expect(await tokens.health()).toMatchObject({ up: false });
  });

  it('shows neither secret nor token when it is printed', async () => {
    const tokens = await tokensWith();
    await tokens.token();
    const shown = inspect(tokens, { depth: 10, showHidden: true }) + JSON.stringify(tokens);
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain('token-1');
  });

  it('lets nobody wait at shutdown', async () => {
    endpoint.options.fault = 'hang';
    const tokens = await tokensWith({ SERVICE_TOKEN_TIMEOUT_MS: '20000' });
    const waiting = tokens.token();
    waiting.catch(() => undefined);
    await settled(1);
    await tokens.onApplicationShutdown();
    await expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
