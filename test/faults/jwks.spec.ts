import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { listen, shut } from '../support/local-server.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';

const broken: RequestListener = (_, response) => response.writeHead(500).end();

describe('a JWKS endpoint that fails', () => {
  let keys: TestKeys;
  let server: Server;
  let url: string;
  let fetches: number;
  let answer: RequestListener;
  let running: RunningApp;

  const good: RequestListener = (_, response) =>
    response.end(JSON.stringify({ keys: [keys.jwk({ kid: 'first' })] }));

  beforeAll(async () => {
    keys = await createTestKeys();
  });

  beforeEach(async () => {
    fetches = 0;
    answer = good;
    server = createServer((request, response) => {
      fetches += 1;
      answer(request, response);
    });
    url = `${await listen(server)}/keys`;
  });

  afterEach(async () => {
    await running.close();
    await shut(server);
  });

  async function start(variables: Record<string, string> = {}): Promise<void> {
    running = await startApp({
      JWT_JWKS_URL: url,
      JWT_JWKS_RETRY_BASE_MS: '1',
      JWT_JWKS_COOLDOWN_MS: '50',
      JWT_JWKS_CIRCUIT_RECOVERY_MS: '5000',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      ...variables,
    });
  }

  async function upload(kid = 'first'): Promise<Response> {
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'a.txt');
    const headers = { authorization: `Bearer ${await keys.sign({}, { kid })}` };
    return fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
  }

  async function circuit(): Promise<unknown> {
    const report = await fetch(`${running.url}/health/circuit-breakers`);
    const { circuit_breakers: circuits } = (await report.json()) as {
      circuit_breakers: Record<string, unknown>;
    };
    return circuits['jwks'];
  }

  it('is left alone after five attempts, and asked again and trusted when it is well', async () => {
    answer = broken;
    await start();
    await eventually(async () => expect(await circuit()).toMatchObject({ state: 'open' }));
    expect(fetches).toBe(5);

    const refused = await Promise.all(Array.from({ length: 50 }, () => upload()));
    for (const { status, headers } of refused) {
      expect(status).toBe(502);
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(6);
    }
    expect(await refused[0]?.json()).toMatchObject({ code: 'ADMIN_UNAVAILABLE', retryable: true });
    expect(fetches).toBe(5);

    answer = good;
    await eventually(async () => expect((await upload()).status).toBe(201));
    await eventually(async () => expect(await circuit()).toMatchObject({ state: 'closed' }));
  });

  it('lets in whom it would have let in before, and nobody else', async () => {
    // Its circuit stays open until the end, on a machine that is busy as well.
    await start({ JWT_JWKS_CIRCUIT_RECOVERY_MS: '60000' });
    expect((await upload()).status).toBe(201);
    answer = broken;
    // Each is a fetch, once the cooldown is over.
    await eventually(async () => {
      expect((await upload('nobody has this one')).status).toBe(401);
      expect(await circuit()).toMatchObject({ state: 'open' });
    });
    const fetchedBefore = fetches;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => upload(index % 2 === 0 ? 'first' : `unknown-${index}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual(
      answers.map((_, index) => (index % 2 === 0 ? 201 : 401)),
    );
    expect(fetches).toBe(fetchedBefore);
  });

  async function readiness(): Promise<[number, unknown]> {
    const report = await fetch(`${running.url}/health/ready`);
    const { details } = (await report.json()) as { details: Record<string, unknown> };
    return [report.status, details['jwt_keys']];
  }

  it('makes readiness fail while there are no keys, and degrades it while older ones are in use', async () => {
    answer = (_, response) => response.end(JSON.stringify({ keys: [keys.jwk({ use: 'enc' })] }));
    await start({ JWT_JWKS_CIRCUIT_FAILURE_THRESHOLD: '1000' });
    const useless =
      'the JWKS endpoint answered 200, but no key of it can be used: keys[0]: its use is not sig';
    const lost = { status: 'down', critical: true, message: useless };
    expect(await readiness()).toEqual([503, expect.objectContaining(lost)]);
    expect((await upload()).status).toBe(502);

    answer = good;
    const well = { status: 'up', critical: false };
    await eventually(async () => expect(await readiness()).toEqual([200, expect.objectContaining(well)]));
    expect((await upload()).status).toBe(201);

    answer = (_, response) => response.end('{"keys":[]}');
    expect((await upload('nobody has this one')).status).toBe(401);
    const old = { status: 'degraded', critical: false, message: expect.stringContaining('"keys" is empty') };
    await eventually(async () => {
      expect((await upload('nobody has this one')).status).toBe(401);
      expect(await readiness()).toEqual([200, expect.objectContaining(old)]);
    });
    expect((await upload()).status).toBe(201);
  });
});
