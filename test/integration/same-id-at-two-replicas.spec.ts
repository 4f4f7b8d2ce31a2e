import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { type AcceptingService, DOWN, sha256, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsOf } from './delivery-stage.js';

/** So many that they are a stream before all of them have come. */
const BYTES = randomBytes(100_000);
const ASYNC = { prefer: 'respond-async' };

let postgres: PostgresDatabases;
let elements: readonly [StorageElementServer, StorageElementServer];
let started: AcceptingService[];
let folders: string[];
let databaseUrl: string;

beforeAll(async () => {
  postgres = await openPostgres();
});
afterAll(() => postgres.dispose());

beforeEach(async () => {
  databaseUrl = await postgres.newPreparedDatabase();
  elements = [await StorageElementServer.start(), await StorageElementServer.start()];
  started = [];
  folders = [];
});
afterEach(async () => {
  for (const service of started) await service.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  for (const element of elements) await element.close();
});

async function spoolFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ingester-spool-'));
  folders.push(folder);
  return folder;
}

async function replica(spool: string, commitMs: number): Promise<AcceptingService> {
  const service = await startAccepting({
    DATABASE_URL: databaseUrl,
    STORAGE_ELEMENTS: elementsOf(...elements.map(({ url }) => url)),
    STORAGE_RETRY_ATTEMPTS: '2',
    STORAGE_COMMIT_TIMEOUT_MS: String(commitMs),
    SPOOL_DIR: spool,
    SHUTDOWN_GRACE_MS: '0',
    // What a delivery leaves that lost its task is looked for when its lease would have ended.
    DELIVERY_LEASE_MS: '2000',
  });
  started.push(service);
  return service;
}

async function replicas(
  spools: 'one spool' | 'a spool each',
  commitMs = 1_000,
): Promise<[AcceptingService, AcceptingService]> {
  const spool = await spoolFolder();
  const both = [
    await replica(spool, commitMs),
    await replica(spools === 'one spool' ? spool : await spoolFolder(), commitMs),
  ] as const;
  // Each sees that the other one is there.
  for (const { running } of [...both, ...both]) await running.app.get(Replicas, { strict: false }).beat();
  return [...both];
}

/** Has an element wait in the middle of what it is sent, until the given function is called. */
function holdUp(element: StorageElementServer): () => void {
  const goOn = Promise.withResolvers<void>();
  element.options.fault = { kind: 'wait', until: goOn.promise };
  return () => {
    element.options.fault = undefined;
    goOn.resolve();
  };
}

const untilSent = (element: StorageElementServer, uploads: number): Promise<void> =>
  eventually(() => Promise.resolve(expect(element.uploads).toHaveLength(uploads)));

/** Has a replica store a file at the second element, since the first one fails just then; all that come later find it well. */
async function storeAtSecond(
  service: AcceptingService,
  id: string,
): Promise<{ readonly answer: Promise<Response>; readonly goOn: () => void }> {
  const [first, second] = elements;
  first.options.fault = DOWN;
  const goOn = holdUp(second);
  const answer = service.put(id, BYTES);
  await untilSent(second, 1);
  first.options.fault = undefined;
  return { answer, goOn };
}

const questions = ({ requests }: StorageElementServer, id: string): number =>
  requests.filter(({ method, path }) => method === 'GET' && path.endsWith(id)).length;

/** The file is there, whole, and nowhere else. */
const expectOnceAt = (here: StorageElementServer, id: string): Promise<void> =>
  eventually(() => {
    expect(elements.map(({ files }) => files.has(id))).toEqual(elements.map((element) => element === here));
    expect(here.files.get(id)).toMatchObject({ sha256: sha256(BYTES) });
    return Promise.resolve();
  });

describe.each(['one spool', 'a spool each'] as const)('a PUT of one id at two replicas with %s', (spools) => {
  it('is stored once where it is delivered while the other one stores it', async () => {
    const [storing, accepting] = await replicas(spools, 20_000);
    const id = randomUUID();
    const { answer, goOn } = await storeAtSecond(storing, id);
    expect((await accepting.put(id, BYTES, ASYNC)).status).toBe(202);
    await accepting.untilStatus(id, 'active');
    // A folder that was changed so long ago is known to have nothing of it any more.
    await sleep(2_500);
    goOn();
    expect((await answer).status).toBe(201);
    await expectOnceAt(elements[0], id);
  });

  it('is stored once where it is stored while the other one delivers it', async () => {
    const [storing, accepting] = await replicas(spools, 5_000);
    const id = randomUUID();
    const { answer, goOn } = await storeAtSecond(storing, id);
    const goOnDelivering = holdUp(elements[0]);
    expect((await accepting.put(id, BYTES, ASYNC)).status).toBe(202);
    await untilSent(elements[0], 2);
    goOn();
    expect((await answer).status).toBe(201);
    expect(await accepting.untilStatus(id, 'active')).toMatchObject({ file_id: id });
    goOnDelivering();
    await expectOnceAt(elements[1], id);
  });

  it('is stored once where it is stored before the other one has all of it', async () => {
    const [storing, accepting] = await replicas(spools);
    const id = randomUUID();
    const rest = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(BYTES.subarray(0, 80_000));
        await rest.promise;
        controller.enqueue(BYTES.subarray(80_000));
        controller.close();
      },
    });
    const request = { method: 'PUT', headers: ASYNC, body, duplex: 'half' };
    const accepted = accepting.call(`/api/v1/files/${id}`, request);
    // It has asked both elements by then, and neither has it.
    await eventually(() =>
      Promise.resolve(expect(elements.map((each) => questions(each, id))).toEqual([1, 1])),
    );
    const { answer, goOn } = await storeAtSecond(storing, id);
    goOn();
    expect((await answer).status).toBe(201);
    rest.resolve();
    expect((await accepted).status).toBe(202);
    await accepting.untilStatus(id, 'active');
    await expectOnceAt(elements[1], id);
    expect(elements[0].uploads).toHaveLength(1);
  });
});
