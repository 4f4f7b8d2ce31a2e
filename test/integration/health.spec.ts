import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from '../support/parse-environment.js';
import { HealthModule } from '../../src/health/health.module.js';
import { READINESS_CHECKS, type ReadinessCheck } from '../../src/health/readiness-check.js';
import { LOG_DESTINATION } from '../../src/observability/log-destination.js';
import { setUpObservability } from '../../src/observability/set-up-observability.js';
import { ShutdownState } from '../../src/observability/shutdown-state.js';
import { setUpVersioning } from '../../src/versioning/set-up-versioning.js';
import { VersioningModule } from '../../src/versioning/versioning.module.js';
import { GROUND_MODULES } from '../support/ground-modules.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';

let app: INestApplication | undefined;
let url: string;
let dataDir: string;
let log: string[];
let keys: TestKeys;
const servers: Server[] = [];

beforeAll(async () => {
  keys = await createTestKeys();
});

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ingester-health-'));
  log = [];
});

afterEach(async () => {
  await app?.close();
  app = undefined;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await rm(dataDir, { recursive: true });
});

async function start(env: Record<string, string> = {}, checks?: ReadinessCheck[]): Promise<void> {
  const JWT_PUBLIC_KEY_FILE = await keys.publicKeyFile(dataDir);
  const given = { DATA_DIR: dataDir, JWT_PUBLIC_KEY_FILE, ...env };
  const environment = parseEnvironment({ NODE_ENV: 'test', REPORT_MAX_AGE_MS: '0', ...given });
  const building = Test.createTestingModule({
    imports: [configModule(environment), ...GROUND_MODULES, VersioningModule, HealthModule],
  });
  if (checks) building.overrideProvider(READINESS_CHECKS).useValue(checks);
  building.overrideProvider(LOG_DESTINATION).useValue({ write: (line: string) => log.push(line) });
  app = (await building.compile()).createNestApplication();
  setUpObservability(app);
  setUpVersioning(app);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
}

/** A server that stands for a storage element or a token endpoint; gives its URL and what it was asked. */
async function startServer(listener: RequestListener): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((incoming, answer) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    listener(incoming, answer);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, asked };
}

const answering =
  (status: number): RequestListener =>
  (_, answer) =>
    answer.writeHead(status).end('upstream text');
const silent: RequestListener = () => undefined;

const check = (name: string, critical: boolean, run: ReadinessCheck['run']): ReadinessCheck => ({
  name,
  critical,
  run,
});
const up = () => Promise.resolve({ up: true } as const);
const down = () => Promise.resolve({ up: false, reason: 'is down', cause: 'secret detail' } as const);
const never = () => new Promise<never>(() => undefined);

describe('liveness', () => {
  it.each(['/health', '/health/live'])('is answered by %s without asking anything', async (path) => {
    await start({}, [check('a', true, never)]);
    const { status, body, headers } = await request(url).get(path);
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'healthy',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      service: 'ingester',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    expect(headers['cache-control']).toBe('no-store');
    expect(headers).not.toHaveProperty('x-api-version');
  });
});

describe('readiness', () => {
  it('lists each check with its criticality and the time it took', async () => {
    await start({}, [check('a', true, up), check('b', false, up)]);
    const { status, body, headers } = await request(url).get('/health/ready');
    expect(status).toBe(200);
    const details = {
      a: { status: 'up', critical: true, responseTime: expect.any(Number) },
      b: { status: 'up', critical: false, responseTime: expect.any(Number) },
    };
    expect(body).toEqual({ status: 'ok', info: details, error: {}, details });
    expect(headers['cache-control']).toContain('no-store');
  });

  it('is degraded but 200 while a check is down that is not critical', async () => {
    await start({}, [check('a', true, up), check('b', false, down)]);
    const { status, body } = await request(url).get('/health/ready');
    expect([status, body.status]).toEqual([200, 'degraded']);
    expect(body.details.b).toMatchObject({ status: 'degraded', critical: false, message: 'is down' });
  });

  it('is 503 in the same shape while a critical check is down', async () => {
    await start({}, [check('a', true, down), check('b', false, up)]);
    const { status, body } = await request(url).get('/health/ready');
    expect([status, body.status]).toEqual([503, 'error']);
    expect(body.error.a).toMatchObject({ status: 'down', critical: true, message: 'is down' });
    expect(body.info.b).toMatchObject({ status: 'up' });
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('connect ECONNREFUSED 10.1.2.3:5432'))],
    [
      'throws',
      () => {
        throw new Error('connect ECONNREFUSED 10.1.2.3:5432');
      },
    ],
  ])('counts a check that %s as down, and quotes it only in the log', async (_, run) => {
    await start({}, [check('a', true, run), check('b', true, up)]);
    const { status, body, text } = await request(url).get('/health/ready');
    expect(status).toBe(503);
    expect(body.error.a).toMatchObject({ message: 'the check failed', responseTime: expect.any(Number) });
    expect(body.info.b).toMatchObject({ status: 'up' });
    expect(text).not.toContain('10.1.2.3');
    expect(log.join('')).toContain('ECONNREFUSED 10.1.2.3');
  });

  it('runs all checks at once and gives up on each after its time', async () => {
    await start({ HEALTH_CHECK_TIMEOUT_MS: '1000' }, [
      check('a', false, never),
      check('b', false, never),
      check('c', true, never),
    ]);
    const startedAt = performance.now();
    const { status, body } = await request(url).get('/health/ready');
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect(status).toBe(503);
    expect(body.details.a).toMatchObject({ status: 'degraded', message: 'timeout of 1000ms exceeded' });
    expect(body.details.c).toMatchObject({ status: 'down' });
  });

  it('is out within 5 s however long checks may take', async () => {
    await start({ HEALTH_CHECK_TIMEOUT_MS: '60000' }, [check('a', true, never)]);
    const startedAt = performance.now();
    expect((await request(url).get('/health/ready')).status).toBe(503);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('logs when a check goes down and when it is back, not every time', async () => {
    let outcome: ReadinessCheck['run'] = down;
    await start({}, [check('a', true, () => outcome())]);
    for (const next of [down, down, up, up]) {
      outcome = next;
      await request(url).get('/health/ready');
    }
    const messages = log.flatMap((line): string[] => {
      const { msg, check: name } = JSON.parse(line);
      return name === undefined ? [] : [`${name}: ${msg}`];
    });
    expect(messages).toEqual(['a: Readiness check is down', 'a: Readiness check is up again']);
    expect(log.join('')).toContain('secret detail');
  });

  it('is 503 from the beginning of the shutdown on, while liveness stays 200', async () => {
    await start({}, [check('a', true, up)]);
    app?.get(ShutdownState).begin();
    const { status, body } = await request(url).get('/health/ready');
    expect([status, body.status]).toEqual([503, 'shutting_down']);
    expect((await request(url).get('/health/live')).status).toBe(200);
  });
});

describe('the checks of the service', () => {
  it('are up on a first start, with local storage only', async () => {
    await start();
    const { status, body } = await request(url).get('/health/ready');
    expect([status, body.status]).toEqual([200, 'ok']);
    expect(Object.keys(body.details).toSorted()).toEqual([
      'database',
      'disk',
      'jwt_keys',
      'replicas',
      'spool',
      'storage',
      'storage:1',
      'storage:2',
    ]);
    expect(body.details.jwt_keys).toMatchObject({ status: 'up', critical: false });
  });

  it('find the disk of a data folder that is not there yet', async () => {
    await start({ DATA_DIR: join(dataDir, 'not', 'yet'), ...elements([await startServer(answering(200))]) });
    expect((await request(url).get('/health/ready')).body.details.disk.status).toBe('up');
  });

  it('are 503 when the disk is fuller than allowed, and do not look at 0', async () => {
    await start({ MIN_FREE_DISK_BYTES: String(Number.MAX_SAFE_INTEGER) });
    const { status, body } = await request(url).get('/health/ready');
    expect([status, body.error.disk.message]).toEqual([503, 'too little free space']);
    await app?.close();
    await start({ MIN_FREE_DISK_BYTES: '0' });
    expect((await request(url).get('/health/ready')).body.details).not.toHaveProperty('disk');
  });

  it('ask each storage element once and are ready while one is up that takes files', async () => {
    const good = await startServer(answering(200));
    const bad = await startServer(answering(503));
    const stuck = await startServer(silent);
    await start({
      HEALTH_CHECK_TIMEOUT_MS: '1500',
      STORAGE_REQUEST_TIMEOUT_MS: '3000',
      ...elements([bad, good, stuck]),
    });
    const { status, body, text } = await request(url).get('/health/ready');
    expect([status, body.status]).toEqual([200, 'degraded']);
    expect(body.details).toMatchObject({
      storage: { status: 'up', critical: false },
      'storage:1': { status: 'degraded', critical: false },
      'storage:2': { status: 'up', critical: false },
      'storage:3': { status: 'degraded', message: 'timeout of 1500ms exceeded' },
    });
    expect([good.asked, bad.asked, stuck.asked].map(({ length }) => length)).toEqual([1, 1, 1]);
    expect(text).not.toMatch(/127\.0\.0\.1|http:|upstream text|se-\d/);
  });

  it('do not count elements that take no files', async () => {
    await start(elements([await startServer(answering(200))], 'ro'));
    const { body } = await request(url).get('/health/ready');
    expect(body.details).toMatchObject({ storage: { status: 'degraded' }, 'storage:1': { status: 'up' } });
  });

  it('keep the address of an element that cannot be reached to the log', async () => {
    const { url: closed } = await startServer(silent);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await start(elements([{ url: closed }]));
    const { body, text } = await request(url).get('/health/ready');
    expect(body.details.storage.status).toBe('degraded');
    expect(text).not.toContain(new URL(closed).port);
  });

  it('ask an element once however many probes come', async () => {
    const slow = await startServer((_, answer) => setTimeout(() => answer.end(), 1_000));
    await start(elements([slow]));
    await Promise.all(Array.from({ length: 10 }, () => request(url).get('/health/ready')));
    expect(slow.asked).toEqual(['GET /health/ready']);
  });

  it('do not look for keys where nobody needs a token', async () => {
    await start({ SKIP_AUTH: 'true' });
    expect((await request(url).get('/health/ready')).body.details).not.toHaveProperty('jwt_keys');
  });

  it('are degraded without a service token', async () => {
    const tokens = await startServer(answering(500));
    await start({
      SERVICE_TOKEN_URL: `${tokens.url}/token`,
      SERVICE_CLIENT_ID: 'ingester',
      SERVICE_CLIENT_SECRET: 'hunter2',
      SERVICE_TOKEN_RETRY_BASE_MS: '1',
    });
    const { status, body } = await request(url).get('/health/ready');
    expect([status, body.status]).toEqual([200, 'degraded']);
    expect(body.details.token_endpoint).toMatchObject({ critical: false, message: 'there is no token' });
    expect(log.join('')).not.toContain('hunter2');
  });
});

function elements(at: readonly { url: string }[], mode = 'edit'): Record<string, string> {
  return {
    STORAGE_ELEMENTS: JSON.stringify(
      at.map((element, index) => ({ id: `se-${index}`, driver: 'http', url: element.url, mode })),
    ),
    SERVICE_TOKEN_URL: '',
  };
}
