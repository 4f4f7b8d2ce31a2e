import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import type { Json } from '../support/accepted-service.js';
import type { RunningApp } from '../support/app.js';
import { callThrough } from '../support/circuits.js';
import { eventually } from '../support/eventually.js';
import { asOperator, circuitAt, seeOrders } from '../support/operator.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { ReplicaGroup } from '../support/replica-group.js';
import { TusRequests } from '../support/tus-requests.js';

const NAME = 'storage:edit-01';
const CIRCUIT = `resilience/circuit-breakers/${NAME}`;
const REASON = 'the disk is replaced';
/** Replicas look every five seconds; machines may be busy. */
const SOON_MS = 20_000;

const idOf = ({ app }: RunningApp): string => app.get(Replicas, { strict: false }).replicaId;

async function replicasSeenBy(running: RunningApp): Promise<Json[]> {
  return (await asOperator(running, 'GET', 'replicas')).body.replicas as Json[];
}

async function uploadStatus(running: RunningApp): Promise<number> {
  const headers = { authorization: `Bearer ${await running.token()}`, 'content-type': 'text/plain' };
  const init = { method: 'PUT', headers, body: 'hello' };
  return (await fetch(`${running.url}/api/v1/files/${randomUUID()}`, init)).status;
}

async function readiness({ url }: RunningApp): Promise<number> {
  return (await fetch(`${url}/health/ready`)).status;
}

function fail(running: RunningApp, times: number): void {
  const circuit = running.app.get(CircuitBreakers).get(NAME);
  if (!circuit) throw new Error(`there is no circuit ${NAME}`);
  for (let count = 0; count < times; count += 1) callThrough(circuit, 'failure');
}

describe('replicas on one PostgreSQL', () => {
  let postgres: PostgresDatabases;
  let group: ReplicaGroup;
  let a: RunningApp;
  let b: RunningApp;
  let c: RunningApp;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  beforeEach(async () => {
    group = await ReplicaGroup.of(await postgres.newPreparedDatabase());
    [a, b, c] = [await group.start('a'), await group.start('b'), await group.start('c')];
    await group.tellAll();
  });
  afterEach(() => group.close());

  /** Who says first how it is has not heard of those who say it later. */
  async function beatTwice(): Promise<void> {
    await group.tellAll();
    await group.tellAll();
  }

  const states = (): string[] => group.running.map((running) => circuitAt(running, NAME).state);

  it('all do what was ordered at one of them, those that start later too, until it is lifted', async () => {
    const order = await asOperator(a, 'POST', `${CIRCUIT}/force-open`, { reason: REASON });
    expect([order.status, order.body.state]).toEqual([200, 'open']);
    await eventually(async () => expect(states()).toEqual(['open', 'open', 'open']), SOON_MS);
    const later = await group.start('d');
    const forced = { reason: REASON, by: 'olga', until: null };
    const { opened_at } = circuitAt(a, NAME);
    for (const running of group.running)
      expect(circuitAt(running, NAME)).toMatchObject({ state: 'open', opened_at, forced });

    // Whoever is asked says how it is everywhere.
    await group.tellAll();
    const { body } = await asOperator(b, 'GET', CIRCUIT);
    expect(Object.keys(body.replicas as object).toSorted()).toEqual(group.running.map(idOf).toSorted());
    expect((body.replicas as Json)[idOf(later)]).toEqual({
      state: 'open',
      failure_count: 0,
      failure_threshold: 5,
      retry_at: null,
      cooling_until: null,
      forced,
      last_seen_at: expect.any(String),
    });

    for (const running of group.running.slice()) await group.stop(running);
    [a, b] = [await group.start('a'), await group.start('b')];
    expect(states()).toEqual(['open', 'open']);
    const reset = await asOperator(b, 'POST', `${CIRCUIT}/reset`, { reason: 'it is back' });
    expect([reset.status, reset.body.state]).toEqual([200, 'closed']);
    await seeOrders(a);
    expect(states()).toEqual(['closed', 'closed']);

    await beatTwice();
    const { transitions } = (await asOperator(a, 'GET', 'resilience/transitions')).body as {
      transitions: Json[];
    };
    expect(transitions.filter(({ cause }) => cause === 'reset')).toEqual(
      [a, b].map(() => ({
        at: expect.any(String),
        replica_id: expect.any(String),
        name: NAME,
        from: 'open',
        to: 'closed',
        cause: 'reset',
        by: 'olga',
        reason: 'it is back',
      })),
    );
    // Of those that are gone as well: four were opened, and then two.
    expect(transitions.filter(({ cause }) => cause === 'forced')).toHaveLength(6);
    const ats = transitions.map(({ at }) => String(at));
    expect(ats).toEqual(ats.toSorted().toReversed());
  });

  it('let calls through when the time of an order is over, and reset what has opened by itself', async () => {
    const order = { kind: 'force-open', target: NAME, reason: REASON, ttl_seconds: 5 };
    expect((await asOperator(a, 'POST', 'orders', order)).status).toBe(201);
    await Promise.all([b, c].map(seeOrders));
    expect(states()).toEqual(['open', 'open', 'open']);
    const [one, other] = [circuitAt(a, NAME), circuitAt(b, NAME)];
    expect(one.forced).toEqual(other.forced);
    await eventually(async () => expect(states()).toEqual(['half_open', 'half_open', 'half_open']));
    await Promise.all(group.running.map(seeOrders));
    expect(states()).toEqual(['half_open', 'half_open', 'half_open']);

    fail(b, 1);
    fail(c, 1);
    expect(states()).toEqual(['half_open', 'open', 'open']);
    await asOperator(a, 'POST', 'orders', { kind: 'reset', target: NAME, reason: 'it is back' });
    await Promise.all([b, c].map(seeOrders));
    expect(states()).toEqual(['closed', 'closed', 'closed']);
    const changes = circuitAt(b, NAME).state_changes;
    await Promise.all([b, c].map(seeOrders));
    expect(circuitAt(b, NAME).state_changes).toBe(changes);
  });

  it('take no new uploads at the one that is drained', async () => {
    const drain = { kind: 'drain', replica_id: idOf(b), reason: 'it moves', ttl_seconds: 3600 };
    const { status, body } = await asOperator(a, 'POST', 'orders', drain);
    expect([status, body]).toMatchObject([201, { kind: 'drain', target: null, replica_id: idOf(b) }]);
    await seeOrders(b);
    await seeOrders(c);
    expect(await Promise.all([a, b, c].map(uploadStatus))).toEqual([201, 503, 201]);
    await beatTwice();
    const seen = await replicasSeenBy(c);
    expect(seen.map(({ replica_id, draining }) => [replica_id, draining])).toEqual(
      expect.arrayContaining([
        [idOf(a), false],
        [idOf(b), true],
        [idOf(c), false],
      ]),
    );
    // Parts of a caller's uploads are gathered at one replica, which is none that takes no uploads.
    for (let caller = 0; caller < 12; caller += 1) {
      const at = [a, b, c][caller % 3] ?? a;
      const tus = new TusRequests(at, await at.token({ sub: `caller ${caller}` }));
      const part = await tus.create({ 'Upload-Concat': 'partial', 'Upload-Length': '4' });
      expect([caller, part.status]).toEqual([caller, 201]);
    }
    expect((await asOperator(c, 'GET', 'orders')).body).toEqual({ orders: [body] });
    expect(await Promise.all([a, b, c].map(readiness))).toEqual([200, 503, 200]);
    await asOperator(a, 'POST', 'orders', { kind: 'drain', reason: 'all of it' });
    await Promise.all([b, c].map(seeOrders));
    await beatTwice();
    // Nobody takes uploads: operators have to get through, and those who go on with one.
    expect(await Promise.all([a, b, c].map(uploadStatus))).toEqual([503, 503, 503]);
    await eventually(async () =>
      expect(await Promise.all([a, b, c].map(readiness))).toEqual([200, 200, 200]),
    );
    const lifted = await asOperator(c, 'DELETE', `orders/${String(body.order_id)}`, {
      reason: 'it has moved',
    });
    expect(lifted.status).toBe(204);
    const { orders } = (await asOperator(c, 'GET', 'orders')).body as { orders: Json[] };
    expect(orders).toHaveLength(1);
    await asOperator(c, 'DELETE', `orders/${String(orders[0]?.order_id)}`, { reason: 'enough' });
    await seeOrders(b);
    expect(await uploadStatus(b)).toBe(201);
  });

  it('have one order of a circuit, also where several are given at once, and none for who is gone', async () => {
    const order = { kind: 'force-open', target: NAME, reason: REASON };
    const given = await Promise.all(
      [a, b, c, a].map((running) => asOperator(running, 'POST', 'orders', order)),
    );
    expect(given.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    await Promise.all([a, b, c].map(seeOrders));
    const { orders } = (await asOperator(a, 'GET', 'orders')).body as { orders: Json[] };
    expect(orders).toHaveLength(1);
    await asOperator(a, 'DELETE', `orders/${String(orders[0]?.order_id)}`, { reason: 'it is back' });
    await Promise.all([b, c].map(seeOrders));
    expect(states()).toEqual(['closed', 'closed', 'closed']);

    const drain = { kind: 'drain', replica_id: idOf(c), reason: 'it moves' };
    await group.stop(c);
    await group.query(
      a,
      `UPDATE ingester.replicas SET last_seen_at = last_seen_at - 60000 WHERE replica_id = '${drain.replica_id}'`,
    );
    const refused = await asOperator(a, 'POST', 'orders', drain);
    expect([refused.status, refused.body.code]).toEqual([409, 'CONFLICT']);
  });

  it('say how they are, and that one is gone', async () => {
    for (let count = 0; count < 3; count += 1) expect(await uploadStatus(b)).toBe(201);
    fail(b, 2);
    await beatTwice();
    const seen = await replicasSeenBy(a);
    expect(seen[0]).toMatchObject({ replica_id: idOf(a), lives: true, uploads: { stored: 0 } });
    expect(seen.find(({ replica_id }) => replica_id === idOf(b))).toEqual({
      replica_id: idOf(b),
      version: expect.any(String),
      address: b.url,
      spool_id: expect.any(String),
      started_at: expect.any(String),
      last_seen_at: expect.any(String),
      lives: true,
      draining: false,
      uploads: { in_flight: 0, stored: 3, accepted: 0, received: 0, rejected: 0, failed: 0, client_abort: 0 },
      bytes: { received: 15, sent: expect.any(Number) },
      deliveries: { delivered: 0, failed_attempts: 0 },
      retries: 0,
      spool: {
        bytes: 0,
        files: 0,
        limit_bytes: 0,
        free_bytes: expect.any(Number),
        shut: null,
        open_uploads: 0,
      },
      circuits: expect.objectContaining({
        [NAME]: expect.objectContaining({
          state: 'closed',
          failure_count: 2,
          in_flight: 0,
          last_error: null,
        }),
      }),
    });
    expect((await asOperator(a, 'GET', 'replicas')).body.replica_id).toBe(idOf(a));

    const gone = idOf(c);
    await group.stop(c);
    await group.query(
      a,
      'UPDATE ingester.replicas SET last_seen_at = last_seen_at - 14000 WHERE replica_id = $1',
      [gone],
    );
    await group.tellAll();
    const lives = async (): Promise<unknown> =>
      (await replicasSeenBy(a)).find(({ replica_id }) => replica_id === gone)?.lives;
    await eventually(async () => expect(await lives()).toBe(false), SOON_MS);
  });

  it('leave a target alone after one failure where at least half of them have found it failing', async () => {
    fail(a, 5);
    await beatTwice();
    fail(b, 1);
    expect(states()).toEqual(['open', 'closed', 'closed']);
    fail(b, 4);
    await beatTwice();
    expect(states()).toEqual(['open', 'open', 'closed']);
    fail(c, 1);
    expect(states()).toEqual(['open', 'open', 'open']);
    const { body } = await asOperator(c, 'GET', 'resilience/transitions');
    expect((body.transitions as Json[])[0]).toMatchObject({
      replica_id: idOf(c),
      cause: 'failures_elsewhere',
    });
    // What was ordered says nothing of the target.
    await asOperator(a, 'POST', `${CIRCUIT}/reset`, { reason: 'x' });
    await Promise.all([b, c].map(seeOrders));
    for (const running of [a, b])
      running.app.get(CircuitBreakers).get(NAME)?.forceOpen({ by: 'olga', reason: REASON });
    await beatTwice();
    fail(c, 1);
    expect(states()).toEqual(['open', 'open', 'closed']);
  });
});
