import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CommitUnknown } from '../../src/database/commit-unknown.js';
import { startAnswerLoser } from '../support/answer-loser.js';
import { type DeliveryFloor, startDeliveryFloor } from '../support/delivery-floor.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';
import { itSideBySide, type Later } from '../support/side-by-side.js';
import { insertUpload } from './delivery-subject.js';

const UNAVAILABLE = { code: 'QUEUE_UNAVAILABLE', status: 503 };
const PROMPT_MS = 10_000;
/** Also between two statements of a transaction, on a machine that is busy. */
const STATEMENT_MS = 2_500;
/** So much longer the client waits where the server does not give up by itself. */
const CLIENT_MARGIN_MS = 2_000;
const SHORT = {
  DATABASE_CIRCUIT_RECOVERY_MS: '300',
  DATABASE_CONNECT_TIMEOUT_MS: '2000',
  DATABASE_STATEMENT_TIMEOUT_MS: String(STATEMENT_MS),
};

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.dispose());

async function floorAt(url: string, later: Later): Promise<DeliveryFloor> {
  const floor = await startDeliveryFloor({ ...SHORT, DATABASE_URL: url });
  later(() => floor.close());
  return floor;
}

describe('PostgreSQL out of reach', () => {
  const opened: (() => Promise<unknown>)[] = [];
  const later: Later = (close) => opened.push(close);

  afterEach(async () => {
    for (const close of opened.splice(0).toReversed()) await close();
    await server.start();
  });

  it('is said at once, and forgotten when it is back', async () => {
    const { database, tasks } = await floorAt(await server.newDatabase(), later);
    const uploadId = await insertUpload(database);
    await server.stop();
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const startedAt = performance.now();
      await expect(database.query('SELECT 1')).rejects.toMatchObject({
        ...UNAVAILABLE,
        options: { retryAfterMs: expect.any(Number) },
      });
      await expect(tasks.claim('small-permanent', 1)).rejects.toMatchObject(UNAVAILABLE);
      expect(performance.now() - startedAt).toBeLessThan(PROMPT_MS);
    }
    await server.start();
    await expectSoon(
      () => database.query('SELECT upload_id FROM ingester.uploads'),
      [{ upload_id: uploadId }],
    );
    expect(await tasks.claim('small-permanent', 1)).toEqual([]);
  });

  it('leaves the circuit open after some failures, so that nobody waits for a server that is gone', async () => {
    const { database, circuits } = await floorAt('postgres://ingester@127.0.0.1:1/nowhere', later);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(database.open()).rejects.toMatchObject(UNAVAILABLE);
    }
    expect(circuits.reports().database).toMatchObject({ state: 'open' });
    await expect(database.open()).rejects.toMatchObject(UNAVAILABLE);
    expect(database.opened).toBe(false);
  });

  it('at the start does not hinder the start, and it is opened when it is there', async () => {
    const url = await server.newDatabase();
    await server.stop();
    const { database } = await floorAt(url, later);
    expect(database.isUsed()).toBe(true);
    await expect(database.open()).rejects.toMatchObject(UNAVAILABLE);
    await server.start();
    await expectSoon(() => database.query('SELECT 1 AS one'), [{ one: 1 }]);
  });
});

describe('PostgreSQL that is there for others', () => {
  itSideBySide('ends a transaction that it happens in, and not the process', async (later) => {
    const { database } = await floorAt(await server.newDatabase(), later);
    await database.open();
    const cut = database.transaction(async (tx) => {
      const [{ pid } = { pid: 0 }] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.query('SELECT pg_terminate_backend($1)', [pid]);
      await sleep(100);
      await tx.query('SELECT 1');
    });
    await expect(cut).rejects.toMatchObject(UNAVAILABLE);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  itSideBySide('gives up a statement that takes too long', async (later) => {
    const { database } = await floorAt(await server.newDatabase(), later);
    await database.open();
    const startedAt = performance.now();
    const ended = database.transaction((tx) => tx.query('SELECT pg_sleep(60)'));
    const alone = Promise.allSettled([database.query('SELECT pg_sleep(60)')]);
    await expect(ended).rejects.toMatchObject({ ...UNAVAILABLE, cause: { code: '57014' } });
    expect(performance.now() - startedAt).toBeLessThan(STATEMENT_MS + PROMPT_MS);
    expect(await alone).toMatchObject([{ status: 'rejected', reason: UNAVAILABLE }]);
    expect(performance.now() - startedAt).toBeLessThan(STATEMENT_MS + CLIENT_MARGIN_MS + PROMPT_MS);
  });

  itSideBySide('gives up a transaction that nobody goes on with', async (later) => {
    const { database } = await floorAt(await server.newDatabase(), later);
    const forgotten = database.transaction(async (tx) => {
      await insertUpload(tx);
      await sleep(STATEMENT_MS + 1_000);
      await tx.query('SELECT 1');
    });
    await expect(forgotten).rejects.toMatchObject(UNAVAILABLE);
    expect(await database.query('SELECT 1 FROM ingester.uploads')).toEqual([]);
  });

  itSideBySide('does not hold up the end of the service', async (later) => {
    const proxy = await startAnswerLoser(server.port);
    later(() => proxy.close());
    const floor = await startDeliveryFloor({
      ...SHORT,
      DATABASE_URL: await server.newDatabase(proxy.port),
    });
    floor.database.listen('anything', () => undefined);
    await floor.database.open();
    proxy.fallSilent();
    const lost = Promise.allSettled([floor.database.query('SELECT 1')]);
    const startedAt = performance.now();
    await floor.close();
    expect(performance.now() - startedAt).toBeLessThan(STATEMENT_MS + CLIENT_MARGIN_MS + PROMPT_MS);
    expect(await lost).toMatchObject([{ status: 'rejected', reason: UNAVAILABLE }]);
  });

  itSideBySide('gives up a server that is silent', async (later) => {
    const proxy = await startAnswerLoser(server.port);
    later(() => proxy.close());
    const { database } = await floorAt(await server.newDatabase(proxy.port), later);
    await database.open();
    proxy.fallSilent();
    const startedAt = performance.now();
    await expect(database.query('SELECT 1')).rejects.toMatchObject(UNAVAILABLE);
    expect(performance.now() - startedAt).toBeLessThan(STATEMENT_MS + CLIENT_MARGIN_MS + PROMPT_MS);
  });

  itSideBySide(
    'during a commit is an outcome of its own: the transaction may be there, and is not repeated',
    async (later) => {
      const proxy = await startAnswerLoser(server.port);
      later(() => proxy.close());
      const { database } = await floorAt(await server.newDatabase(proxy.port), later);
      await database.open();
      const uploadId = randomUUID();
      let times = 0;
      const lost = database.transaction(async (tx) => {
        times += 1;
        await insertUpload(tx, uploadId);
        proxy.loseAnswerTo('COMMIT');
      });
      await expect(lost).rejects.toBeInstanceOf(CommitUnknown);
      expect(times).toBe(1);
      const found = await database.query('SELECT 1 AS one FROM ingester.uploads WHERE upload_id = $1', [
        uploadId,
      ]);
      expect(found).toEqual([{ one: 1 }]);
    },
  );

  itSideBySide('is told from a password that is wrong, in the logs alone', async (later) => {
    const { database } = await floorAt(
      (await server.newDatabase()).replace('ingester:ingester', 'ingester:wrong'),
      later,
    );
    await expect(database.open()).rejects.toMatchObject({ ...UNAVAILABLE, cause: { code: '28P01' } });
  });
});

/** Waits for as long as a circuit may be open. */
async function expectSoon(ask: () => Promise<unknown>, answer: unknown): Promise<void> {
  const deadline = Date.now() + PROMPT_MS;
  for (;;) {
    try {
      expect(await ask()).toEqual(answer);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
