import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { DeliveryUpkeep } from '../../src/delivery/delivery-upkeep.service.js';
import { LedgerPromises } from '../../src/delivery/ledger/ledger-promises.service.js';
import { SpoolSweep } from '../../src/delivery/spool/spool-sweep.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import {
  type AcceptingService,
  type Json,
  metric,
  sha256,
  startAccepting,
} from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsOf } from './delivery-stage.js';

const BYTES = randomBytes(1_000);
const LONG_AGO = new Date(2_000, 0);
const ASYNC = { prefer: 'respond-async' };
const OLGA = { sub: 'olga', role: 'admin' };

let postgres: PostgresDatabases;
let element: StorageElementServer;
let variables: Record<string, string>;
let started: AcceptingService[];
let folders: string[];

beforeAll(async () => {
  postgres = await openPostgres();
});
afterAll(() => postgres.dispose());

beforeEach(async () => {
  element = await StorageElementServer.start({ fault: { kind: 'answer', status: 507 } });
  variables = {
    DATABASE_URL: await postgres.newPreparedDatabase(),
    STORAGE_ELEMENTS: elementsOf(element.url),
    SHUTDOWN_GRACE_MS: '0',
  };
  started = [];
  folders = [];
});
afterEach(async () => {
  for (const service of started) await service.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  await element.close();
});

/** A folder that outlives the service which has it, as a volume does. */
async function volume(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ingester-volume-'));
  folders.push(folder);
  return folder;
}

/** One of which it is certain that no file is in it: nobody has touched it for long. */
async function emptyVolume(): Promise<string> {
  const folder = await volume();
  const accepted = join(folder, 'accepted');
  await mkdir(accepted);
  await utimes(accepted, LONG_AGO, LONG_AGO);
  return folder;
}

async function replica(spool: string): Promise<AcceptingService> {
  const service = await justStarted(spool);
  await replicasOf(service).beat();
  return service;
}

/** A replica that may not have seen yet who else there is. */
async function justStarted(spool: string): Promise<AcceptingService> {
  const service = await startAccepting({ ...variables, SPOOL_DIR: spool });
  started.push(service);
  return service;
}

/** As a pod that goes away. */
async function stop(service: AcceptingService): Promise<void> {
  started = started.filter((other) => other !== service);
  await service.close();
}

const replicasOf = ({ running }: AcceptingService): Replicas => running.app.get(Replicas, { strict: false });

const query = <Row extends object>({ running }: AcceptingService, text: string): Promise<Row[]> =>
  running.app.get(Database, { strict: false }).query<Row>(text);

/** Nobody has been seen for so long that the others take him for gone. */
const forget = (service: AcceptingService): Promise<object[]> =>
  query(service, 'UPDATE ingester.replicas SET last_seen_at = last_seen_at - 60000');

/** Has nobody read or write which replicas there are, until the given function is called. */
async function holdReplicas({ running }: AcceptingService): Promise<() => Promise<void>> {
  const [held, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = running.app.get(Database, { strict: false }).transaction(async (tx) => {
    await tx.query('LOCK TABLE ingester.replicas IN ACCESS EXCLUSIVE MODE');
    held.resolve();
    await over.promise;
  });
  await Promise.race([held.promise, holding]);
  return () => {
    over.resolve();
    return holding;
  };
}

async function acceptAt(service: AcceptingService, id = randomUUID()): Promise<string> {
  expect((await service.put(id, BYTES, ASYNC)).status).toBe(202);
  return id;
}

/** Has the delivery of the one file that waits come in an hour. */
const putOff = (service: AcceptingService): Promise<void> =>
  eventually(async () => {
    const later = `UPDATE ingester.tasks SET due_at = due_at + 3600000 WHERE state = 'waiting' RETURNING task_id`;
    expect(await query(service, later)).toHaveLength(1);
  });

describe('replicas with a spool each', () => {
  it('leave the files of one that is gone until it comes back with its spool, and say so', async () => {
    const spool = await volume();
    const gone = await replica(spool);
    const other = await replica(await volume());
    const id = await acceptAt(gone);
    const spoolId = await replicasOf(gone).spoolId();
    await stop(gone);
    element.options.fault = undefined;
    await forget(other);
    await replicasOf(other).beat();
    const sweep = other.running.app.get(SpoolSweep, { strict: false });
    const report = await sweep.sweep();
    expect(report).toMatchObject({ missing: [], orphans: [], absent: [{ spoolId, files: 1 }] });
    const before = await query(other, 'SELECT * FROM ingester.tasks');
    expect(before).toMatchObject([{ state: 'waiting', spool_id: spoolId }]);
    // Many looks of its lanes.
    await sleep(1_000);
    expect(await query(other, 'SELECT * FROM ingester.tasks')).toEqual(before);
    expect(await metric(other, 'delivery_waiting_without_spool')).toBe(1);
    const ready = await other.call('/api/v1/health/ready', {}, OLGA);
    expect([ready.status, JSON.stringify(await ready.json())]).toEqual([
      200,
      expect.stringContaining(`1 file waits for spool ${spoolId}, last seen 20`),
    ]);
    const back = await replica(spool);
    await back.untilStatus(id, 'active');
    expect(element.files.get(id)).toMatchObject({ sha256: sha256(BYTES) });
    expect((await sweep.sweep()).absent).toEqual([]);
  });

  it('take files however long those in the spool of another one have waited', async () => {
    const one = await replica(await volume());
    const other = await replica(await volume());
    await acceptAt(one);
    await query(one, 'UPDATE ingester.tasks SET waiting_since = waiting_since - 360000000');
    const ageAt = ({ running }: AcceptingService): Promise<number> =>
      running.app.get(LedgerPromises, { strict: false }).oldestWaitingAgeMs();
    expect(await ageAt(one)).toBeGreaterThan(360_000_000);
    expect(await ageAt(other)).toBe(0);
    await acceptAt(other);
    expect(await ageAt(other)).toBeLessThan(60_000);
  });

  it('know what another one has promised, and store nothing twice', async () => {
    const one = await replica(await volume());
    const other = await replica(await volume());
    await replicasOf(one).beat();
    const id = await acceptAt(one);
    for (const headers of [{}, ASYNC]) {
      const answer = await other.put(id, BYTES, headers);
      expect([answer.status, ((await answer.json()) as Json).upload_id]).toEqual([202, id]);
    }
    expect((await other.put(id, randomBytes(9))).status).toBe(409);
    expect(await other.spooled()).toEqual([]);
    element.options.fault = undefined;
    await other.untilStatus(id, 'active');
    expect(element.uploads.filter(({ state }) => state === 'finished')).toHaveLength(1);
    await eventually(async () => expect(await one.spooled()).toEqual([]));
  });

  it('know it before they have seen one another', async () => {
    const one = await replica(await volume());
    const id = await acceptAt(one);
    await putOff(one);
    const release = await holdReplicas(one);
    try {
      const other = await justStarted(await emptyVolume());
      element.options.fault = undefined;
      expect((await other.put(id, BYTES)).status).toBe(202);
      expect(replicasOf(other).hasOtherSpools).toBeUndefined();
    } finally {
      await release();
    }
  });

  it('store files at once although they have seen nobody and cannot ask', async () => {
    variables.DATABASE_URL = 'postgres://127.0.0.1:1/none';
    const one = await justStarted(await emptyVolume());
    element.options.fault = undefined;
    expect((await one.put(randomUUID(), BYTES)).status).toBe(201);
    expect(await one.spooled()).toEqual([]);
  });

  it('say where the file of a dead letter is', async () => {
    variables.DELIVERY_MAX_ATTEMPTS = '1';
    const one = await replica(await volume());
    const other = await replica(await volume());
    const id = await acceptAt(one);
    await one.untilStatus(id, 'dead');
    const { items } = (await (await other.call('/api/v1/dead-letters', {}, OLGA)).json()) as {
      items: Json[];
    };
    const path = `/api/v1/dead-letters/${String(items[0]?.id)}/content`;
    expect((await one.call(path, {}, OLGA)).status).toBe(200);
    const answer = await other.call(path, {}, OLGA);
    const spoolId = await replicasOf(one).spoolId();
    expect([answer.status, await answer.json()]).toMatchObject([
      409,
      { code: 'CONFLICT', detail: expect.stringMatching(`lies in spool ${spoolId}; http://.* was the last`) },
    ]);
  });
});

describe('replicas on one local element', () => {
  it('take it for delivered what the other one has stored under its id', async () => {
    const path = await volume();
    const local = JSON.stringify([{ id: 'se-1', driver: 'local', path, mode: 'edit' }]);
    const spool = await volume();
    const one = await replica(spool);
    const id = await acceptAt(one);
    await stop(one);
    variables.STORAGE_ELEMENTS = local;
    // One that does not know of the promise.
    const other = await startAccepting({ STORAGE_ELEMENTS: local });
    started.push(other);
    expect((await other.put(id, BYTES)).status).toBe(201);
    const back = await replica(spool);
    await back.untilStatus(id, 'active');
    expect(await query(back, 'SELECT target FROM ingester.placements')).toEqual([]);
  });
});

describe('replicas on one spool', () => {
  it('deliver what the other one has accepted', async () => {
    const spool = await volume();
    const gone = await replica(spool);
    const other = await replica(spool);
    expect(await replicasOf(other).spoolId()).toBe(await replicasOf(gone).spoolId());
    expect(replicasOf(other).hasOtherSpools).toBe(false);
    const id = await acceptAt(gone);
    await stop(gone);
    element.options.fault = undefined;
    await other.untilStatus(id, 'active');
    expect([...element.files.keys()]).toEqual([id]);
  });
});

describe('a replica', () => {
  it('says that it lives, and is forgotten a day after it was seen last, unless its spool has files', async () => {
    const [one, other] = [await replica(await volume()), await replica(await volume())];
    const rows = await query<Json>(one, 'SELECT * FROM ingester.replicas');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      version: expect.any(String),
      address: expect.stringMatching(/^http:\/\//),
    });
    const id = await acceptAt(other);
    await stop(other);
    await query(one, 'UPDATE ingester.replicas SET last_seen_at = last_seen_at - 90000000');
    await replicasOf(one).beat();
    const upkeep = one.running.app.get(DeliveryUpkeep, { strict: false });
    await upkeep.runMaintenance();
    expect(await query(one, 'SELECT replica_id FROM ingester.replicas')).toHaveLength(2);
    await query(one, `DELETE FROM ingester.uploads WHERE upload_id = '${id}'`);
    await upkeep.runMaintenance();
    expect(await query(one, 'SELECT replica_id FROM ingester.replicas')).toEqual([
      { replica_id: replicasOf(one).replicaId },
    ]);
  });

  it('makes no database to say so', async () => {
    const service = await startAccepting();
    started.push(service);
    await replicasOf(service).beat();
    expect(service.running.app.get(Database, { strict: false }).isUsed()).toBe(false);
    await acceptAt(service);
    await replicasOf(service).beat();
    expect(await query(service, 'SELECT replica_id FROM replicas')).toHaveLength(1);
  });
});
