import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DeliveryHealth } from '../../src/delivery/delivery-health.service.js';
import { LedgerPromises } from '../../src/delivery/ledger/ledger-promises.service.js';
import { AcceptedFiles } from '../../src/delivery/spool/accepted-files.service.js';
import { SpoolRoom } from '../../src/delivery/spool/spool-room.service.js';
import { IntentFiles } from '../../src/delivery/spool/intent-files.service.js';
import { SpoolSweep } from '../../src/delivery/spool/spool-sweep.service.js';
import { SpoolSpace } from '../../src/delivery/spool/spool-space.service.js';
import { WakeUps } from '../../src/delivery/wake-ups.service.js';
import { TestSpool } from '../support/accepted.js';
import { seedLetter } from '../support/dead-letters.js';
import { type DeliveryFloor, startDeliveryFloor } from '../support/delivery-floor.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';

let floor: DeliveryFloor;
let wakeUps: WakeUps;
let spool: SpoolSpace | undefined;

async function healthOn(url?: string): Promise<DeliveryHealth> {
  const variables = url === undefined ? undefined : { DATABASE_URL: url };
  floor = await startDeliveryFloor(variables);
  const path = join(floor.dataDir, 'spool');
  const promises = new LedgerPromises(floor.database, floor.replicas);
  const files = new AcceptedFiles(path);
  const oldestWaitingAgeMs = (): Promise<number> => Promise.resolve(0);
  spool = new SpoolSpace({ path, maxBytes: 100, minFreeBytes: 0, maxAgeMs: 0, oldestWaitingAgeMs }, files);
  await spool.onModuleInit();
  const room = new SpoolRoom(files, spool, promises, floor.replicas);
  const sweep = new SpoolSweep({ path, everyMs: 1, orphanMs: 1 }, files, new IntentFiles(path), promises);
  wakeUps = new WakeUps(floor.database);
  return new DeliveryHealth(floor.database, room, sweep, wakeUps);
}

afterEach(async () => {
  spool?.onApplicationShutdown();
  await floor.close();
});

describe('the health of delivery on SQLite', () => {
  it('is good before it was ever used, and leaves it so', async () => {
    const health = await healthOn();
    expect(await health.askDatabase()).toEqual({ up: true });
    expect([health.hasPromises, health.spoolShut]).toEqual([false, undefined]);
    expect(await readdir(floor.dataDir)).not.toContain('database.sqlite');
  });

  it('knows of promises as soon as there is a database', async () => {
    const health = await healthOn();
    await floor.database.open();
    expect(health.hasPromises).toBe(true);
    expect(await health.askDatabase()).toEqual({ up: true });
  });

  it('knows of a promise of its own without asking', async () => {
    const health = await healthOn();
    expect(health.hasPromises).toBe(false);
    wakeUps.wake(['small-temporary']);
    expect(health.hasPromises).toBe(true);
  });

  it('does not mind that a file does not fit into the spool', async () => {
    const health = await healthOn();
    expect(() => spool?.admit('large', 101)).toThrow('SPOOL_FULL');
    expect(health.spoolShut).toBeUndefined();
  });

  it('tells that the spool is full', async () => {
    const health = await healthOn();
    await TestSpool.at(join(floor.dataDir, 'spool')).accept(Buffer.alloc(200));
    await spool?.check();
    expect([health.hasPromises, health.spoolShut]).toEqual([true, 'bytes']);
  });
});

describe('the health of delivery on PostgreSQL', () => {
  let server: PostgresServer;
  let url: string;

  beforeEach(async () => {
    server = await startPostgres();
    url = await server.newDatabase();
  }, 60_000);

  afterEach(() => server.dispose());

  async function askWhileAway(health: DeliveryHealth): Promise<boolean> {
    await server.stop();
    const startedAt = performance.now();
    const { up } = await health.askDatabase();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    return up;
  }

  it('is bad while it is away, which matters to nobody before a promise', async () => {
    const health = await healthOn(url);
    expect(await health.askDatabase()).toEqual({ up: true });
    expect([await askWhileAway(health), health.hasPromises]).toEqual([false, false]);
    await server.start();
  });

  it('remembers while it is away that there are promises', async () => {
    const health = await healthOn(url);
    await seedLetter(floor.database, floor.dataDir, { file: false });
    await health.askDatabase();
    expect([await askWhileAway(health), health.hasPromises]).toEqual([false, true]);
    await server.start();
  });
});
