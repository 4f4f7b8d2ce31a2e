import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request, { type Response } from 'supertest';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { callThrough } from '../support/circuits.js';

const NAME = 'storage:local-edit';
const FILE = 'forced-circuits.json';
const REASON = 'the disk is replaced';

describe('a circuit that was opened by hand', () => {
  let dataDir: string;
  let running: RunningApp | undefined;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-forced-'));
    running = undefined;
  });

  afterEach(async () => {
    await running?.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<RunningApp> {
    await running?.close();
    running = await startApp({ DATA_DIR: dataDir, DELIVER_LATER: 'false' });
    return running;
  }

  async function order(app: RunningApp, what: string, body: object): Promise<Response> {
    const admin = await app.token({ sub: 'olga', role: 'admin' });
    return request(app.url)
      .post(`/api/v1/resilience/circuit-breakers/${NAME}/${what}`)
      .auth(admin, { type: 'bearer' })
      .send(body);
  }

  const reportOf = (app: RunningApp, name = NAME) => app.app.get(CircuitBreakers).get(name)?.report();
  const saved = (): Promise<string> => readFile(join(dataDir, FILE), 'utf8');

  async function uploadStatus(app: RunningApp): Promise<number> {
    const upload = request(app.url).post('/api/v1/files/upload');
    const { status } = await upload
      .auth(await app.token(), { type: 'bearer' })
      .attach('file', Buffer.from('x'), 'a');
    return status;
  }

  it('stays open over a restart, with who did it and why', async () => {
    const { body } = await order(await start(), 'force-open', { reason: REASON });
    expect(body).toMatchObject({ state: 'open', forced: { reason: REASON, by: 'olga', until: null } });

    const again = await start();
    expect(reportOf(again)).toMatchObject({ state: 'open', forced: body.forced, opened_at: body.opened_at });
    expect(await uploadStatus(again)).toBe(503);
    expect(reportOf(again, 'storage:local-rw')).toMatchObject({ state: 'closed' });

    await order(again, 'reset', {});
    expect(reportOf(await start())).toMatchObject({ state: 'closed' });
  });

  it('opens to calls when its time is over, as if there had been no restart', async () => {
    const { body } = await order(await start(), 'force-open', { reason: REASON, ttl_seconds: 60 });
    expect(reportOf(await start())).toMatchObject({
      state: 'open',
      retry_at: body.retry_at,
      forced: body.forced,
    });

    const { body: short } = await order(await start(), 'force-open', { reason: REASON, ttl_seconds: 1 });
    await running?.close();
    running = undefined;
    await new Promise((resolve) => setTimeout(resolve, Date.parse(short.retry_at) - Date.now()));
    const late = await start();
    expect(reportOf(late)).toMatchObject({ state: 'half_open' });
    expect(await uploadStatus(late)).toBe(201);
  });

  it('is on the disk, for nobody else to read, when the order is answered', async () => {
    const app = await start();
    await order(app, 'force-open', { reason: REASON });
    expect(await saved()).toContain(REASON);
    expect((await stat(join(dataDir, FILE))).mode & 0o777).toBe(0o600);
    await order(app, 'reset', {});
    expect(await saved()).not.toContain(NAME);
    expect((await readdir(dataDir)).filter((name) => name.startsWith(FILE))).toEqual([FILE]);
  });

  it('is all that is saved: what calls did to a circuit ends with the process', async () => {
    const app = await start();
    const circuit = app.app.get(CircuitBreakers).get(NAME);
    if (!circuit) throw new Error('there is no such circuit');
    for (let failures = 0; failures < 5; failures += 1) callThrough(circuit, 'failure');
    expect(circuit.state).toBe('open');
    expect(reportOf(await start())).toMatchObject({ state: 'closed', failure_count: 0 });
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"format":"of somebody else"}',
    JSON.stringify({ format: 'ingester-forced-circuits', version: 2, circuits: {} }),
    JSON.stringify({
      format: 'ingester-forced-circuits',
      version: 1,
      circuits: { [NAME]: { reason: 1, by: 'x', openedAtMs: 0, retryAtMs: null } },
    }),
    JSON.stringify({
      format: 'ingester-forced-circuits',
      version: 1,
      circuits: { [NAME]: { reason: 'x', by: 'x', openedAtMs: 1e300, retryAtMs: null } },
    }),
  ])('does not stop a start when the file holds %p', async (content) => {
    await writeFile(join(dataDir, FILE), content);
    const app = await start();
    expect(reportOf(app)).toMatchObject({ state: 'closed' });
    await order(app, 'force-open', { reason: REASON });
    expect(reportOf(await start())).toMatchObject({ state: 'open', forced: { reason: REASON } });
  });

  it('is not made of a name that is unknown by now', async () => {
    await order(await start(), 'force-open', { reason: REASON });
    await writeFile(join(dataDir, FILE), (await saved()).replace(NAME, 'storage:gone'));
    expect(reportOf(await start())).toMatchObject({ state: 'closed' });
  });

  it('is open all the same where it cannot be saved', async () => {
    await mkdir(join(dataDir, FILE, 'in the way'), { recursive: true });
    const app = await start();
    const { status, body } = await order(app, 'force-open', { reason: REASON });
    expect({ status, state: body.state }).toEqual({ status: 200, state: 'open' });
  });
});
