import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WakeUps } from '../../src/delivery/wake-ups.service.js';
import { LaneWorker } from '../../src/delivery/worker/lane-worker.js';
import { insertTask } from '../contract/delivery-subject.js';
import { expectNothingLost } from '../faults/kill-run.js';
import { type AcceptingService, type Json, startAccepting } from '../support/accepted-service.js';
import { type DeliveryFloor, startDeliveryFloor } from '../support/delivery-floor.js';
import { eventually } from '../support/eventually.js';
import { hasPgbouncer, type Pgbouncer, SERVER_CONNECTIONS, startPgbouncer } from '../support/pgbouncer.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';

const FILES = 40;
const BYTES = Buffer.alloc(5_000, 'x');
const LANE = 'large-temporary';
const POLL_MS = 200;
const STATEMENT_TIMEOUT_MS = 7_000;
const KILLS = 6;
const KILLS_MS = 300_000;

const describeWithPgbouncer = hasPgbouncer ? describe : describe.skip;
const need = hasPgbouncer ? '' : ' (needs pgbouncer in PATH or PGBOUNCER)';

describeWithPgbouncer(`PostgreSQL behind pgbouncer, which lends connections for a transaction${need}`, () => {
  let postgres: PostgresDatabases;
  let pgbouncer: Pgbouncer;
  /** Of a database of the test, through the pooler. */
  let DATABASE_URL: string;

  beforeAll(async () => {
    postgres = await openPostgres();
    pgbouncer = await startPgbouncer(process.env.TEST_DATABASE_URL ?? '');
  });
  afterAll(async () => {
    await pgbouncer.dispose();
    await postgres.dispose();
  });
  beforeEach(async () => {
    DATABASE_URL = pgbouncer.through(await postgres.newDatabase());
  });

  describe('a service', () => {
    let service: AcceptingService;

    beforeEach(async () => {
      service = await startAccepting({
        DATABASE_URL,
        DATABASE_STATEMENT_TIMEOUT_MS: String(STATEMENT_TIMEOUT_MS),
      });
    });
    afterEach(() => service.close());

    it('accepts files, delivers them, and leaves nothing in the sessions that it was lent', async () => {
      const ids = await Promise.all(Array.from({ length: FILES }, () => accept(service)));
      service.element.options.fault = undefined;
      for (const id of ids) await service.untilStatus(id, 'active');
      expect(service.element.files.size).toBe(FILES);
      expect(await service.spooled()).toEqual([]);
      await expectCleanSessions(DATABASE_URL);
    });
  });

  describe('two processes', () => {
    let promising: DeliveryFloor;
    let working: DeliveryFloor;

    beforeEach(async () => {
      const variables = { DATABASE_URL, DATABASE_STATEMENT_TIMEOUT_MS: String(STATEMENT_TIMEOUT_MS) };
      promising = await startDeliveryFloor(variables);
      working = await startDeliveryFloor(variables);
      await Promise.all([promising.database.open(), working.database.open()]);
    });
    afterEach(() => Promise.all([promising.close(), working.close()]));

    it('do not hear each other, and find by polling what the other one has committed', async () => {
      const heard: string[] = [];
      const claimed: string[] = [];
      new WakeUps(working.database).onWake((lane) => heard.push(lane));
      const worker = new LaneWorker({
        lane: LANE,
        concurrency: 4,
        pollMs: POLL_MS,
        claim: (lane, limit) => working.tasks.claim(lane, limit),
        run: ({ task }) => {
          claimed.push(task.task_id);
          return Promise.resolve();
        },
        onFailure: (error) => {
          throw error;
        },
      });
      worker.wake();
      try {
        const taskId = await insertTask(promising.database, { lane: LANE });
        new WakeUps(promising.database).wake([LANE]);
        await eventually(() => {
          expect(claimed).toEqual([taskId]);
          return Promise.resolve();
        });
        await sleep(5 * POLL_MS);
        expect(heard).toEqual([]);
      } finally {
        await worker.stop();
      }
    });

    it('have settings of their own for a transaction, and leave none behind it', async () => {
      const { database } = promising;
      const settings = (durable: boolean): Promise<object[]> =>
        database.transaction((tx) => tx.query(SETTINGS), { durable });
      const timeouts = { statement: '7s', idle: '7s' };
      expect(await settings(false)).toEqual([{ ...timeouts, commits: 'off' }]);
      expect(await settings(true)).toEqual([{ ...timeouts, commits: 'on' }]);
      await expectCleanSessions(DATABASE_URL);
    });

    it('fail with a statement that takes too long, and go on', async () => {
      const slow = promising.database.transaction((tx) => tx.query('SELECT pg_sleep(60)'));
      await expect(slow).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
      expect(await working.database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });

  it(
    'loses and doubles nothing when a replica of two is killed',
    () =>
      expectNothingLost({
        name: 'two replicas behind pgbouncer',
        rounds: KILLS,
        replicaCount: 2,
        variables: { DATABASE_URL },
        round: async (replicas, index) => {
          await sleep(1_000);
          await replicas.kill(index);
          await replicas.restart(index);
        },
      }),
    KILLS_MS,
  );
});

async function accept(service: AcceptingService): Promise<unknown> {
  const answer = await service.put(randomUUID(), BYTES, { Prefer: 'respond-async' });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as Json).upload_id;
}

const SETTINGS = `SELECT current_setting('statement_timeout') AS statement,
  current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('synchronous_commit') AS commits`;
const SESSION = `SELECT pg_backend_pid() AS pid, session.*,
  (SELECT count(*)::int FROM pg_prepared_statements) AS statements,
  (SELECT count(*)::int FROM pg_cursors) AS cursors,
  (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks,
  (SELECT count(*)::int FROM pg_class WHERE relpersistence = 't') AS temporary
  FROM (${SETTINGS}) AS session`;

/** Looks into every session that the pooler lends. */
async function expectCleanSessions(url: string): Promise<void> {
  const sessions = new Map<unknown, object>();
  const floor = await startDeliveryFloor({ DATABASE_URL: url });
  try {
    for (let turn = 0; turn < 4 * SERVER_CONNECTIONS; turn += 1) {
      const looks = Array.from({ length: SERVER_CONNECTIONS }, () => floor.database.query<Json>(SESSION));
      for (const [session] of await Promise.all(looks)) sessions.set(session?.pid, { ...session, pid: 0 });
    }
  } finally {
    await floor.close();
  }
  const clean = {
    pid: 0,
    statement: '0',
    idle: '0',
    commits: 'on',
    statements: 0,
    cursors: 0,
    locks: 0,
    temporary: 0,
  };
  expect(sessions.size).toBeGreaterThan(1);
  for (const session of sessions.values()) expect(session).toEqual(clean);
}
