import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import type { Json } from '../support/accepted-service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { callThrough } from '../support/circuits.js';
import { asOperator, circuitAt, seeOrders } from '../support/operator.js';
import { TusRequests } from '../support/tus-requests.js';

const NAME = 'storage:local-edit';
const REASON = 'the disk is replaced';
const NO_ID = '00000000-0000-4000-8000-000000000000';

describe('orders of operators, with SQLite', () => {
  let dataDir: string;
  let running: RunningApp;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-orders-'));
    running = await startApp({ DATA_DIR: dataDir });
  });
  afterEach(async () => {
    await running.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function restart(): Promise<void> {
    await running.close();
    running = await startApp({ DATA_DIR: dataDir });
  }

  const give = (order: object) => asOperator(running, 'POST', 'orders', { reason: REASON, ...order });
  const holding = async (): Promise<unknown> => (await asOperator(running, 'GET', 'orders')).body.orders;
  const report = () => circuitAt(running, NAME);
  const database = (): Database => running.app.get(Database, { strict: false });

  async function uploadStatus(): Promise<number> {
    const body = new FormData();
    body.append('file', new Blob(['x']), 'a');
    const headers = { authorization: `Bearer ${await running.token()}` };
    const { status } = await fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
    return status;
  }

  it('hold over a restart, with who gave them and why, until they are lifted', async () => {
    const { status, body } = await give({ kind: 'force-open', target: NAME });
    expect([status, body]).toEqual([
      201,
      {
        order_id: expect.any(String),
        kind: 'force-open',
        target: NAME,
        replica_id: null,
        reason: REASON,
        by: 'olga',
        ordered_at: expect.any(String),
        until: null,
      },
    ]);
    const forced = { reason: REASON, by: 'olga', until: null };
    expect(report()).toMatchObject({ state: 'open', opened_at: body.ordered_at, forced });

    await restart();
    expect(report()).toMatchObject({ state: 'open', opened_at: body.ordered_at, forced });
    expect(circuitAt(running, 'storage:local-rw').state).toBe('closed');
    expect(await uploadStatus()).toBe(202);
    expect(await holding()).toEqual([body]);

    const path = `orders/${String(body.order_id)}`;
    expect(await asOperator(running, 'DELETE', path, { reason: 'it is back' })).toEqual({
      status: 204,
      body: {},
    });
    expect(report()).toMatchObject({ state: 'closed' });
    expect(await holding()).toEqual([]);
    expect((await asOperator(running, 'DELETE', path, { reason: 'once more' })).status).toBe(404);
    await restart();
    expect(report()).toMatchObject({ state: 'closed', state_changes: 0 });
    const audit = await database().query(
      'SELECT who, action, subject, reason FROM ingester.audit ORDER BY audit_id',
    );
    expect(audit).toEqual([
      { who: 'olga', action: 'force-open', subject: NAME, reason: REASON },
      { who: 'olga', action: 'lift', subject: NAME, reason: 'it is back' },
    ]);
  });

  it('end with their time, also while nobody was there to see it', async () => {
    const { body } = await give({ kind: 'force-open', target: NAME, ttl_seconds: 60 });
    expect(Date.parse(String(body.until)) - Date.parse(String(body.ordered_at))).toBe(60_000);
    await restart();
    expect(report()).toMatchObject({ state: 'open', retry_at: body.until, forced: { until: body.until } });

    await give({ kind: 'force-open', target: NAME, ttl_seconds: 1 });
    await sleep(1_100);
    expect(report()).toMatchObject({ state: 'half_open' });
    await seeOrders(running);
    expect(report()).toMatchObject({ state: 'half_open' });
    expect(await holding()).toEqual([]);
    await restart();
    expect(report()).toMatchObject({ state: 'closed', state_changes: 0 });
    expect(await uploadStatus()).toBe(201);
  });

  it('reset a circuit once, and leave alone what has opened since', async () => {
    const circuit = running.app.get(CircuitBreakers).register('test', { failureThreshold: 1 });
    callThrough(circuit, 'failure');
    const answer = await give({ kind: 'reset', target: 'test' });
    expect([answer.status, answer.body]).toMatchObject([201, { kind: 'reset', target: 'test', until: null }]);
    expect(circuit.report()).toMatchObject({ state: 'closed', state_changes: 2 });
    expect(await holding()).toEqual([]);
    callThrough(circuit, 'failure');
    await seeOrders(running);
    expect(circuit.state).toBe('open');
    // One that this replica comes to see long after it was given, as when its database was away.
    await database().query(
      `INSERT INTO ingester.orders (order_id, kind, target, who, ordered_at, until)
      SELECT '${NO_ID}', kind, target, 'otto', ordered_at, until FROM ingester.orders`,
    );
    await sleep(1_500);
    circuit.reset({ by: 'test' });
    callThrough(circuit, 'failure');
    await seeOrders(running);
    expect(circuit.state).toBe('open');
  });

  it('have no new uploads taken, and those that were begun go on', async () => {
    const tus = new TusRequests(running, await running.token());
    const begun = await tus.begin(4);
    const { body } = await give({ kind: 'drain' });
    expect(await uploadStatus()).toBe(503);
    const refused = await tus.create({ 'Upload-Length': '4' });
    expect([refused.status, refused.body.code, Number(refused.headers['retry-after'])]).toEqual([
      503,
      'DRAINING',
      expect.any(Number),
    ]);
    const ready = await fetch(`${running.url}/health/ready`);
    const message = 'an operator has ordered that no new uploads are taken';
    // There is no other replica to go to.
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: 'degraded', details: { replicas: { status: 'degraded', critical: false, message } } },
    ]);
    const { replicas } = (await asOperator(running, 'GET', 'replicas')).body as { replicas: Json[] };
    expect(replicas).toMatchObject([{ draining: true, spool: { open_uploads: 1 } }]);
    expect((await tus.patch(begun, 0, Buffer.from('data'))).status).toBe(204);
    expect((await tus.receiptOf(begun)).body).toMatchObject({ status: 'active' });
    await restart();
    expect(await uploadStatus()).toBe(503);

    // One takes the place of the other.
    await give({ kind: 'drain', ttl_seconds: 60 });
    expect(await holding()).toMatchObject([{ kind: 'drain', until: expect.any(String) }]);
    await give({ kind: 'drain', ttl_seconds: 1 });
    expect(
      (await asOperator(running, 'DELETE', `orders/${String(body.order_id)}`, { reason: 'x' })).status,
    ).toBe(404);
    await sleep(1_100);
    expect(await uploadStatus()).toBe(201);
    expect((await fetch(`${running.url}/health/ready`)).status).toBe(200);
  });

  it.each([
    ['no kind', {}, 400, 'kind'],
    ['another kind', { kind: 'close', target: NAME }, 400, 'kind'],
    ['no target', { kind: 'force-open' }, 400, 'target'],
    ['a target to drain', { kind: 'drain', target: NAME }, 400, 'target'],
    ['one replica to open at', { kind: 'force-open', target: NAME, replica_id: NO_ID }, 400, 'replica_id'],
    ['a time for a reset', { kind: 'reset', target: NAME, ttl_seconds: 1 }, 400, 'ttl_seconds'],
    ['no reason', { kind: 'drain', reason: ' ' }, 400, 'reason'],
    ['a time of more than a day', { kind: 'drain', ttl_seconds: 86_401 }, 400, 'ttl_seconds'],
    ['a circuit that is not there', { kind: 'reset', target: 'storage:se-99' }, 404, undefined],
    ['a replica that is not there', { kind: 'drain', replica_id: NO_ID }, 404, undefined],
    ['a replica that cannot be', { kind: 'drain', replica_id: 'a' }, 404, undefined],
    ['the circuit of the database', { kind: 'force-open', target: 'database' }, 409, undefined],
  ])('are refused with %s', async (_, order, expected, field) => {
    const { status, body } = await give(order);
    const errors = body.errors as { field: string }[] | undefined;
    expect([status, errors?.[0]?.field]).toEqual([expected, field]);
    expect(await holding()).toEqual([]);
  });

  it('make no database to look for them', async () => {
    for (const path of ['orders', 'replicas', 'resilience/circuit-breakers', 'resilience/transitions'])
      expect((await asOperator(running, 'GET', path)).status).toBe(200);
    expect((await asOperator(running, 'DELETE', `orders/${NO_ID}`, { reason: 'x' })).status).toBe(404);
    expect(database().isUsed()).toBe(false);
  });

  it('are not read from the file of an earlier version, which is told', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    try {
      const path = join(dataDir, 'forced-circuits.json');
      await writeFile(path, '{}');
      await restart();
      expect(warn).toHaveBeenCalledWith({ path }, expect.stringContaining('earlier version'));
      expect(report().state).toBe('closed');
    } finally {
      warn.mockRestore();
    }
  });
});

describe('looking', () => {
  let running: RunningApp;

  beforeEach(async () => {
    running = await startApp();
  });
  afterEach(() => running.close());

  it('uses up no probe of a half-open circuit', async () => {
    const circuit = running.app.get(CircuitBreakers).register('probed', { successThreshold: 1 });
    circuit.forceOpen({ by: 'olga', reason: 'x', ttlMs: 1 });
    await sleep(10);
    const pages = ['replicas', 'orders', 'resilience/circuit-breakers', 'resilience/circuit-breakers/probed'];
    const look = async (): Promise<void> => {
      for (const page of [...pages, 'resilience/health', 'resilience/summary', 'resilience/transitions'])
        expect((await asOperator(running, 'GET', page)).status).toBe(200);
      for (const page of ['/metrics', '/health/ready', '/health/circuit-breakers'])
        expect((await fetch(running.url + page)).status).toBe(200);
      await seeOrders(running);
    };
    for (let times = 0; times < 3; times += 1) await look();
    const { replicas } = (await asOperator(running, 'GET', 'replicas')).body as { replicas: Json[] };
    expect(replicas[0]?.circuits).toMatchObject({
      probed: { state: 'half_open', in_flight: 0, success_count: 0 },
    });
    const probe = circuit.tryAcquire();
    expect(probe.admitted).toBe(true);
    // There is one alone, and looking does not give it back either.
    await look();
    expect(circuit.tryAcquire().admitted).toBe(false);
    const { transitions } = (await asOperator(running, 'GET', 'resilience/transitions')).body as {
      transitions: Json[];
    };
    expect(transitions.map(({ cause, by }) => [cause, by])).toEqual([
      ['recovery_due', null],
      ['forced', 'olga'],
    ]);
  });
});
