import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { Deliveries } from '../../src/delivery/deliveries.service.js';
import { UploadsLedger } from '../../src/delivery/uploads-ledger.service.js';
import { type Json, sha256 } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { itSideBySide } from '../support/side-by-side.js';
import { describeDelivery, type DeliveryStage, elementsOf } from './delivery-stage.js';

const BYTES = randomBytes(1_000);
const ASYNC = { prefer: 'respond-async' };

async function outcome(answer: Response): Promise<[number, unknown]> {
  const { status, code = status } = (await answer.json()) as Json;
  return [answer.status, code];
}

const call = async (stage: DeliveryStage, id: string, method: string): Promise<[number, unknown]> =>
  outcome(await stage.call(`/api/v1/files/${id}`, { method }));

/** Has the element store a file at once, so that nothing is written down of it, and then die. */
async function storedByTheDead(stage: DeliveryStage, id: string, claims: Json = {}): Promise<void> {
  stage.element.options.fault = undefined;
  expect((await stage.put(id, BYTES, {}, claims)).status).toBe(201);
  await stage.element.close();
}

/** As where the file of an upload was stored at once as well. */
async function followUpStored({ running }: DeliveryStage, id: string): Promise<boolean> {
  const record = await running.app.get(UploadsLedger, { strict: false }).find(id);
  if (!record) throw new Error(`${id} is not known`);
  const { file, digest } = record;
  const placed = { target: 'storage:se-1', file: { fileId: id, ...digest } };
  return running.app
    .get(Deliveries, { strict: false })
    .followUp({ file, digest, placed, idIsCallers: true, copies: [] });
}

describeDelivery('a PUT of an id that an element cannot be asked for', (start) => {
  it.each([{}, ASYNC])('waits for that element, and then is what that has: %p', async (headers) => {
    const stage = await start();
    const id = randomUUID();
    await storedByTheDead(stage, id);
    const first = stage.element.files.get(id);
    expect((await stage.put(id, BYTES, headers)).status).toBe(202);
    const waiting = { state: 'waiting', reason: 'in_doubt', attempts: 0, doubt_since: null };
    await stage.untilTask(id, waiting);
    await stage.element.comeBack();
    expect(await stage.untilStatus(id, 'active')).toMatchObject({ file_id: id });
    expect(await stage.task(id)).toMatchObject({ state: 'done', doubt_since: null });
    expect([...stage.element.files.values()]).toEqual([first]);
    expect(stage.element.uploads).toHaveLength(1);
  });

  it.each([
    ['other bytes', randomBytes(2_000), {}],
    ['the file of somebody else', BYTES, { sub: 'mallory' }],
  ])('is a dead letter when that has %s, and leaves it there', async (_, bytes, claims) => {
    const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '2000' });
    const id = randomUUID();
    await storedByTheDead(stage, id, claims);
    expect((await stage.put(id, bytes)).status).toBe(202);
    await stage.element.comeBack();
    await stage.untilTask(id, { state: 'dead', reason: 'CONFLICT' });
    expect(stage.element.files.get(id)).toMatchObject({ sha256: sha256(BYTES) });
    expect(stage.element.uploads).toHaveLength(1);
    expect(await call(stage, id, 'GET')).toEqual([200, 'dead']);
    expect(await call(stage, id, 'DELETE')).toEqual([200, 'cancelled']);
    expect(stage.element.files.get(id)).toMatchObject({ sha256: sha256(BYTES) });
  });

  itSideBySide(
    'leaves other bytes where they are also when the answer to its own was lost there',
    async (later) => {
      const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '2000' }, later);
      const id = randomUUID();
      stage.element.options.fault = undefined;
      await stage.put(id, BYTES);
      const foreign = stage.element.files.get(id);
      const asked = Promise.withResolvers<void>();
      Object.assign(stage.element.options, { fault: { kind: 'wait', until: asked.promise }, delayMs: 5_000 });
      const putting = stage.put(id, randomBytes(2_000));
      await eventually(() => Promise.resolve(expect(stage.element.uploads).toHaveLength(2)));
      Object.assign(stage.element.options, { fault: { kind: 'reset', afterBytes: 1e9 }, delayMs: 0 });
      asked.resolve();
      expect(await outcome(await putting)).toEqual([409, 'CONFLICT']);
      expect(await stage.spooled()).toEqual([]);
      expect([...stage.element.files.values()]).toEqual([foreign]);
    },
  );

  itSideBySide(
    'removes nothing that another replica has stored while its own answer was lost',
    async (later) => {
      const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '2000' }, later);
      const [id, other] = [randomUUID(), randomUUID()];
      stage.element.options.fault = undefined;
      expect((await stage.put(other, BYTES)).status).toBe(201);
      const stored = Promise.withResolvers<void>();
      stage.element.options.fault = { kind: 'wait', until: stored.promise };
      const putting = stage.put(id, randomBytes(2_000));
      await eventually(() => Promise.resolve(expect(stage.element.uploads).toHaveLength(2)));
      const foreign = stage.element.files.get(other);
      if (foreign) stage.element.files.set(id, foreign);
      stage.element.options.fault = { kind: 'reset', afterBytes: 1e9 };
      stored.resolve();
      expect(await outcome(await putting)).toEqual([409, 'CONFLICT']);
      expect(stage.element.files.get(id)).toBe(foreign);
      expect(await stage.spooled()).toEqual([]);
    },
  );

  itSideBySide('is sent once that element says that it has nothing', async (later) => {
    const stage = await start({}, later);
    const id = randomUUID();
    await stage.element.close();
    expect((await stage.put(id, BYTES)).status).toBe(202);
    await stage.untilTask(id, { reason: 'in_doubt' });
    stage.element.options.fault = undefined;
    await stage.element.comeBack();
    await stage.untilStatus(id, 'active');
    expect(stage.element.files.get(id)).toMatchObject({ sha256: sha256(BYTES) });
  });

  itSideBySide(
    'is a dead letter in doubt when that element stays away, and can be cancelled until then',
    async (later) => {
      const stage = await start({ DELIVERY_MAX_AGE_MS: '1500' }, later);
      const [id, other] = [randomUUID(), randomUUID()];
      await stage.element.close();
      expect((await stage.put(id, BYTES)).status).toBe(202);
      expect((await stage.put(other, BYTES)).status).toBe(202);
      expect(await call(stage, other, 'DELETE')).toEqual([200, 'cancelled']);
      await stage.untilTask(id, { state: 'dead', reason: 'in_doubt', attempts: 0 });
      await stage.element.comeBack();
    },
  );

  itSideBySide(
    'is answered from the ledger where that knows the file, and stored nowhere else',
    async (later) => {
      const second = await StorageElementServer.start({ fault: { kind: 'answer', status: 507 } });
      const first = await StorageElementServer.start();
      const stage = await start(
        {
          STORAGE_ELEMENTS: elementsOf(first.url, second.url),
          STORAGE_RETRY_ATTEMPTS: '2',
        },
        later,
      );
      const id = randomUUID();
      expect((await stage.put(id, BYTES, ASYNC)).status).toBe(202);
      const receipt = await stage.untilStatus(id, 'active');
      second.options.fault = undefined;
      await first.close();
      const again = await stage.put(id, BYTES);
      expect([again.status, await again.json()]).toEqual([200, receipt]);
      expect(await outcome(await stage.put(id, randomBytes(9)))).toEqual([409, 'CONFLICT']);
      expect(await outcome(await stage.put(id, BYTES, {}, { sub: 'mallory' }))).toEqual([409, 'CONFLICT']);
      expect(second.files.size).toBe(0);
      await second.close();
    },
  );
});

describeDelivery('a PUT of an id whose promise can come to nothing', (start) => {
  itSideBySide('is to be repeated while the promise is being cancelled', async (later) => {
    const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '2000' }, later);
    const id = randomUUID();
    expect((await stage.put(id, BYTES)).status).toBe(202);
    const { options } = stage.element;
    options.fault = () => {
      options.delayMs = 5_000;
      return { kind: 'lost-answer' };
    };
    await stage.untilTask(id, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
    expect((await call(stage, id, 'DELETE'))[0]).toBe(202);
    for (const headers of [{}, ASYNC]) {
      const answer = await stage.put(id, BYTES, headers);
      expect(answer.headers.get('retry-after')).toBe('5');
      expect(await outcome(answer)).toEqual([409, 'UPLOAD_IN_PROGRESS']);
    }
    // As of a replica that has begun to store it before.
    await expect(followUpStored(stage, id)).rejects.toMatchObject({ code: 'UPLOAD_IN_PROGRESS' });
    stage.element.options.delayMs = 0;
    await stage.untilStatus(id, 'cancelled');
    expect(stage.element.files.size).toBe(0);
    stage.element.options.fault = undefined;
    expect((await stage.put(id, BYTES)).status).toBe(201);
  });

  itSideBySide('makes a new one in the place of a dead letter whose file is gone', async (later) => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' }, later);
    const id = randomUUID();
    expect((await stage.put(id, BYTES)).status).toBe(202);
    await stage.untilTask(id, { state: 'dead' });
    const before = await stage.put(id, BYTES);
    expect(await outcome(before)).toEqual([202, 'dead']);
    await rm(stage.spoolPath(id));
    expect(await outcome(await stage.put(id, BYTES, {}, { sub: 'mallory' }))).toEqual([409, 'CONFLICT']);
    expect(await outcome(await stage.put(id, BYTES))).toEqual([202, 'accepted']);
    await stage.untilTask(id, { state: 'dead' });
    await rm(stage.spoolPath(id));
    stage.element.options.fault = undefined;
    expect(await outcome(await stage.put(id, BYTES, ASYNC))).toEqual([202, 'accepted']);
    await stage.untilStatus(id, 'active');
    expect(stage.element.files.get(id)).toMatchObject({ sha256: sha256(BYTES) });
  });

  itSideBySide('stores the file of a dead letter, which is active from then on', async (later) => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' }, later);
    const id = randomUUID();
    expect((await stage.put(id, BYTES)).status).toBe(202);
    await stage.untilTask(id, { state: 'dead' });
    await rm(stage.spoolPath(id));
    stage.element.options.fault = undefined;
    expect((await stage.put(id, BYTES)).status).toBe(201);
    expect(await call(stage, id, 'GET')).toEqual([200, 'active']);
    expect(await call(stage, id, 'DELETE')).toEqual([409, 'CONFLICT']);
    expect(await call(stage, id, 'GET')).toEqual([200, 'active']);
    expect(stage.element.files.size).toBe(1);
  });
});
