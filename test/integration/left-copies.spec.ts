import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Deliveries } from '../../src/delivery/deliveries.service.js';
import { FollowUps } from '../../src/delivery/follow-ups/follow-ups.service.js';
import { UploadsLedger } from '../../src/delivery/uploads-ledger.service.js';
import { startApp } from '../support/app.js';
import type { Json } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { describeDelivery, type DeliveryStage, elementsOf, type Start } from './delivery-stage.js';

/** For what waits until an element has had its time to commit. */
const PATIENCE_MS = 10_000;

/** Longer than anybody waits for an answer. */
const SILENT_MS = 1_000;

const VARIABLES = {
  STORAGE_RETRY_ATTEMPTS: '2',
  STORAGE_RETRY_BASE_MS: '1',
  STORAGE_REQUEST_TIMEOUT_MS: '300',
  STORAGE_COMMIT_TIMEOUT_MS: '1500',
};

let first: StorageElementServer;
let second: StorageElementServer;

beforeEach(async () => {
  [first, second] = await Promise.all([StorageElementServer.start(), StorageElementServer.start()]);
});

afterEach(() => Promise.all([first.close(), second.close()]));

/** Keeps what it is sent, and then says nothing. */
function die(element = first): void {
  element.options.fault = { kind: 'lost-answer' };
  element.options.delayMs = SILENT_MS;
}

function comeBack(element = first): void {
  element.options.fault = undefined;
  element.options.delayMs = 0;
}

/** Has a file stored at the second element, after the first one. */
async function store(stage: DeliveryStage, bytes = randomBytes(1_000)): Promise<string> {
  const answer = await stage.post(bytes);
  const { upload_id: id } = (await answer.json()) as Json;
  expect([answer.status, second.files.has(String(id))]).toEqual([201, true]);
  return String(id);
}

/** As of a file that did not come as a whole, or of another one. */
function spoil({ files }: StorageElementServer, id: string): void {
  const file = files.get(id);
  if (file) files.set(id, { ...file, sha256: '0'.repeat(64) });
}

/** As an upload does that meets the same element again. */
async function noteStored({ running: { app } }: DeliveryStage, id: string, target: string): Promise<void> {
  const record = await app.get(UploadsLedger, { strict: false }).find(id);
  if (!record) throw new Error(`${id} is not known`);
  const { file, digest, idIsCallers } = record;
  const placed = { target, file: { fileId: id, size: digest.size } };
  const copies = ['storage:se-1', 'storage:se-2']
    .filter((other) => other !== target)
    .map((other) => ({ target: other, unverified: false, answered: true }));
  await app.get(Deliveries, { strict: false }).followUp({ file, digest, idIsCallers, placed, copies });
}

const holders = (id: string): boolean[] => [first.files.has(id), second.files.has(id)];

async function removal(stage: DeliveryStage, id: string): Promise<unknown> {
  const [task] = await stage.query(
    `SELECT state, reason FROM ingester.tasks WHERE upload_id = $1 AND kind = 'removal'`,
    id,
  );
  const placed = await stage.query<{ target: string }>(
    'SELECT target FROM ingester.placements WHERE upload_id = $1',
    id,
  );
  return task && { ...task, doubtful_targets: placed.map(({ target }) => target) };
}

async function expectHeldBy(id: string, expected: boolean[]): Promise<void> {
  await eventually(() => Promise.resolve(expect(holders(id)).toEqual(expected)), PATIENCE_MS);
}

async function expectRemoval(stage: DeliveryStage, id: string, expected: object): Promise<void> {
  await eventually(async () => expect(await removal(stage, id)).toMatchObject(expected), PATIENCE_MS);
}

describeDelivery('a copy of a stored file', (start) => {
  /** With a database that is open, so that what is left to be done is not noted in the spool first. */
  const open: Start = async (variables = {}) => {
    const elements = { STORAGE_ELEMENTS: elementsOf(first.url, second.url) };
    const stage = await start({ ...elements, ...VARIABLES, ...variables });
    await stage.query('SELECT 1');
    return stage;
  };

  it('is removed when the element comes back that died with it', async () => {
    const stage = await open();
    die();
    const id = await store(stage);
    expect(holders(id)).toEqual([true, true]);
    comeBack();
    await expectHeldBy(id, [false, true]);
    await expectRemoval(stage, id, { state: 'done', reason: null, doubtful_targets: [] });
    const receipt = (await (await stage.call(`/api/v1/files/${id}`)).json()) as Json;
    expect(receipt).toMatchObject({ status: 'active', file_id: id, description: 'a report' });
  });

  it('is removed when it appears only after its gateway has given it up', async () => {
    const stage = await open();
    first.options.fault = { kind: 'answer', status: 504 };
    const id = await store(stage);
    const file = second.files.get(id);
    if (file) first.files.set(id, file);
    await expectHeldBy(id, [false, true]);
  });

  it('is nothing to be looked for where the element itself says that it failed', async () => {
    const stage = await open();
    first.options.fault = { kind: 'answer', status: 500 };
    const id = await store(stage);
    expect(await removal(stage, id)).toBeUndefined();
    expect(await stage.spooled()).toEqual([]);
  });

  it('stays where the file is gone from where it was stored', async () => {
    const stage = await open();
    die();
    const id = await store(stage);
    second.files.delete(id);
    comeBack();
    await expectRemoval(stage, id, { state: 'done' });
    expect(holders(id)).toEqual([true, false]);
  });

  it('stays where the file was stored has other bytes by now', async () => {
    const stage = await open();
    die();
    const id = await store(stage);
    spoil(second, id);
    comeBack();
    await expectRemoval(stage, id, { state: 'done' });
    expect(holders(id)).toEqual([true, true]);
  });

  it('is removed from where a repeated upload came to, as long as the first one is there', async () => {
    const stage = await open();
    die();
    const id = await store(stage);
    comeBack();
    await expectRemoval(stage, id, { state: 'done' });
    const file = second.files.get(id);
    if (file) first.files.set(id, file);
    await noteStored(stage, id, 'storage:se-1');
    await expectHeldBy(id, [false, true]);
  });

  it('is removed also where its bytes are spoilt', async () => {
    const stage = await open();
    die();
    const id = await store(stage);
    spoil(first, id);
    comeBack();
    await expectRemoval(stage, id, { state: 'done' });
    expect(holders(id)).toEqual([false, true]);
  });

  it('is a dead letter where other bytes are under the id of a caller, which may be somebody’s', async () => {
    const stage = await open();
    die();
    const id = randomUUID();
    expect((await stage.put(id, randomBytes(1_000))).status).toBe(201);
    spoil(first, id);
    comeBack();
    await expectRemoval(stage, id, { state: 'dead', reason: 'CONFLICT', doubtful_targets: ['storage:se-1'] });
    expect(holders(id)).toEqual([true, true]);
  });

  it('is a dead letter where a permanent file cannot be removed', async () => {
    const elements = elementsOf(first.url, second.url).replaceAll('"edit"', '"rw"');
    const stage = await open({ STORAGE_ELEMENTS: elements });
    first.options.keepsFiles = true;
    die();
    const body = new FormData();
    body.append('retention_policy', 'permanent');
    body.append('file', new Blob([randomBytes(1_000)]), 'a.bin');
    const answer = await stage.call('/api/v1/files/upload', { method: 'POST', body });
    const { upload_id: id } = (await answer.json()) as { upload_id: string };
    expect(answer.status).toBe(201);
    comeBack();
    await expectRemoval(stage, id, { state: 'dead', doubtful_targets: ['storage:se-1'] });
    expect(holders(id)).toEqual([true, true]);
  });

  it('is not forgotten where a delivery finds two, and one of them cannot be removed', async () => {
    const stage = await open();
    second.options.keepsFiles = true;
    for (const element of [first, second]) die(element);
    const id = await stage.accept();
    expect(holders(id)).toEqual([true, true]);
    for (const element of [first, second]) comeBack(element);
    await stage.untilStatus(id, 'active');
    await expectRemoval(stage, id, { state: 'dead', doubtful_targets: ['storage:se-2'] });
    expect(holders(id)).toEqual([true, true]);
  });

  it('is looked for anew where it comes after others were removed', async () => {
    const stage = await open();
    die();
    const id = await store(stage);
    const copy = first.files.get(id);
    comeBack();
    await expectRemoval(stage, id, { state: 'done' });
    if (copy) first.files.set(id, copy);
    await noteStored(stage, id, 'storage:se-2');
    await expectHeldBy(id, [false, true]);
    await expectRemoval(stage, id, { state: 'done', doubtful_targets: [] });
  });

  it('is a dead letter where the element does not let it be removed, and its file stays stored', async () => {
    const stage = await open();
    first.options.keepsFiles = true;
    die();
    const id = await store(stage);
    comeBack();
    await expectRemoval(stage, id, { state: 'dead', doubtful_targets: ['storage:se-1'] });
    const admin = { sub: 'olga', role: 'admin' };
    const letters = (await (await stage.call('/api/v1/dead-letters?kind=removal', {}, admin)).json()) as {
      items: Json[];
    };
    expect(letters.items).toMatchObject([{ upload_id: id, kind: 'removal', has_content: false }]);
    const { recommendations } = (await (await stage.call('/api/v1/health/dlq', {}, admin)).json()) as Json;
    expect(recommendations).toEqual([
      expect.stringContaining('stored, but se-1 may have a copy that could not be removed'),
    ]);
    const path = `/api/v1/dead-letters/${String(letters.items[0]?.id)}`;
    first.options.keepsFiles = false;
    expect((await stage.call(`${path}/redeliver`, { method: 'POST' }, admin)).status).toBe(202);
    await expectHeldBy(id, [false, true]);
    expect(await stage.untilStatus(id, 'active')).toMatchObject({ file_id: id });
  });
});

describe('a copy of a stored file without a database', () => {
  it('is noted in the spool, and no database is made for it at once', async () => {
    const running = await startApp({
      STORAGE_ELEMENTS: elementsOf(first.url, second.url),
      ...VARIABLES,
    });
    try {
      die();
      const body = new FormData();
      body.append('file', new Blob([randomBytes(1_000)]), 'a.bin');
      const headers = { authorization: `Bearer ${await running.token()}` };
      const answer = await fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
      const { upload_id: id } = (await answer.json()) as Json;
      expect(answer.status).toBe(201);
      const intents = join(running.dataDir, 'spool', 'intents');
      expect(await readdir(intents)).toEqual([`${String(id)}.json`]);
      expect(existsSync(join(running.dataDir, 'database.sqlite'))).toBe(false);
      comeBack();
      await running.app.get(FollowUps, { strict: false }).importIntents();
      expect(await readdir(intents)).toEqual([]);
      await expectHeldBy(String(id), [false, true]);
    } finally {
      await running.close();
    }
  });
});
