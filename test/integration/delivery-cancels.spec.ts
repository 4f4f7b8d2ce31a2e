import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { sha256 } from '../support/accepted-service.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { itSideBySide } from '../support/side-by-side.js';
import { describeDelivery, type DeliveryStage, elementsOf } from './delivery-stage.js';

async function cancel(stage: DeliveryStage, uploadId: string): Promise<[number, unknown]> {
  const answer = await stage.call(`/api/v1/files/${uploadId}`, { method: 'DELETE' });
  const { status } = (await answer.json()) as { status: unknown };
  return [answer.status, status];
}

describeDelivery('a cancelled upload', (start) => {
  itSideBySide('is not stored when its delivery waits', async (later) => {
    const stage = await start(
      { DELIVERY_BACKOFF_BASE_MS: '100000', DELIVERY_BACKOFF_MAX_MS: '100000' },
      later,
    );
    const uploadId = await stage.accept();
    await stage.untilTask(uploadId, { state: 'waiting', attempts: 1 });
    expect(await cancel(stage, uploadId)).toEqual([200, 'cancelled']);
    expect(await stage.task(uploadId)).toMatchObject({ state: 'cancelled' });
    expect(await stage.query('SELECT 1 FROM ingester.queue')).toEqual([]);
    expect(await stage.spooled()).toEqual([]);
    expect((await stage.events(uploadId)).at(-1)).toBe('cancelled');
    const audit = await stage.query('SELECT who, action, subject FROM ingester.audit');
    expect(audit).toEqual([{ who: 'alice', action: 'cancel', subject: uploadId }]);
  });

  itSideBySide('is not stored when its delivery is under way', async (later) => {
    const stage = await start({}, later);
    const uploadId = await stage.accept(randomBytes(20_000_000));
    stage.element.options.fault = { kind: 'stall', afterBytes: 100_000 };
    await eventually(async () => {
      expect(await stage.task(uploadId)).toMatchObject({ phase: 'sending', state: 'running' });
      expect(stage.element.uploads.at(-1)?.bytes).toBeGreaterThan(100_000);
    });
    expect(await cancel(stage, uploadId)).toEqual([200, 'cancelled']);
    expect(stage.element.files.size).toBe(0);
    await eventually(async () => expect(await stage.spooled()).toEqual([]));
    expect((await stage.history(uploadId)).at(-1)).toMatchObject({ outcome: 'interrupted' });
  });

  itSideBySide('is not stored when its delivery fails just then', async (later) => {
    const stage = await start(
      { DELIVERY_BACKOFF_BASE_MS: '100000', DELIVERY_BACKOFF_MAX_MS: '100000' },
      later,
    );
    stage.element.options.fault = { kind: 'slow', bytesPerSecond: 1_000_000 };
    const uploadId = await stage.accept(randomBytes(500_000), { prefer: 'respond-async' });
    await stage.untilTask(uploadId, { state: 'running', phase: 'sending' });
    stage.element.options.fault = { kind: 'answer', status: 507 };
    // As another replica does, of which this one hears with the next thing that it writes down.
    await stage.query('UPDATE ingester.tasks SET cancel_requested_at = ingester.now_ms()');
    await stage.untilTask(uploadId, { state: 'cancelled' });
    expect((await stage.events(uploadId)).at(-1)).toBe('cancelled');
  });

  itSideBySide('is removed again when the element has kept it all the same', async (later) => {
    const stage = await start({ STORAGE_COMMIT_TIMEOUT_MS: '1500' }, later);
    const uploadId = await stage.accept();
    stage.element.options.fault = { kind: 'hang' };
    await eventually(async () => {
      expect([...stage.element.files.keys()]).toEqual([uploadId]);
      await Promise.resolve();
    });
    expect(await cancel(stage, uploadId)).toEqual([200, 'cancelled']);
    expect(stage.element.files.size).toBe(0);
    expect(await stage.task(uploadId)).toMatchObject({ state: 'cancelled', doubtful_targets: [] });
  });

  itSideBySide(
    'waits for the answer of an element that has all of it, and is what that says',
    async (later) => {
      const stage = await start({ STORAGE_COMMIT_TIMEOUT_MS: '20000' }, later);
      const uploadId = await stage.accept();
      const answer = Promise.withResolvers<void>();
      stage.element.options.fault = { kind: 'wait', until: answer.promise };
      await eventually(async () => {
        expect(await stage.task(uploadId)).toMatchObject({ phase: 'sending', state: 'running' });
        expect(stage.element.uploads.at(-1)?.state).toBe('receiving');
      });
      await sleep(200);
      const [status, state] = await cancel(stage, uploadId);
      expect([status, state]).toEqual([202, 'delivering']);
      expect(stage.element.uploads.at(-1)?.state).toBe('receiving');
      answer.resolve();
      await stage.untilStatus(uploadId, 'cancelled');
      expect(stage.element.files.size).toBe(0);
      expect((await stage.history(uploadId)).at(-1)).toMatchObject({ outcome: 'stored' });
    },
  );

  itSideBySide('is sent to no other element when the one that has all of it refuses it', async (later) => {
    const other = await StorageElementServer.start();
    const first = await StorageElementServer.start({ fault: { kind: 'answer', status: 507 } });
    const stage = await start(
      {
        STORAGE_RETRY_ATTEMPTS: '3',
        STORAGE_ELEMENTS: elementsOf(first.url, other.url),
      },
      later,
    );
    const answer = Promise.withResolvers<void>();
    first.options.fault = { kind: 'wait', until: answer.promise };
    const uploadId = await stage.accept(undefined, { prefer: 'respond-async' });
    await eventually(async () => {
      expect(first.uploads.at(-1)?.state).toBe('receiving');
      await sleep(200);
    });
    const cancelled = cancel(stage, uploadId);
    await eventually(async () => {
      const rows = await stage.query('SELECT 1 FROM ingester.tasks WHERE cancel_requested_at IS NOT NULL');
      expect(rows).toHaveLength(1);
    });
    // The holder has heard of it by now.
    await sleep(500);
    first.options.fault = { kind: 'answer', status: 507 };
    answer.resolve();
    expect(await cancelled).toEqual([200, 'cancelled']);
    expect(other.uploads).toHaveLength(0);
    await Promise.all([first.close(), other.close()]);
  });

  itSideBySide('is said to be stored where the element has it and keeps it', async (later) => {
    const stage = await start({ STORAGE_COMMIT_TIMEOUT_MS: '1500' }, later);
    stage.element.options.keepsFiles = true;
    const uploadId = await stage.accept();
    stage.element.options.fault = { kind: 'hang' };
    await eventually(async () => {
      expect([...stage.element.files.keys()]).toEqual([uploadId]);
      await Promise.resolve();
    });
    expect((await cancel(stage, uploadId))[0]).toBe(409);
    await stage.untilStatus(uploadId, 'active');
    expect([...stage.element.files.keys()]).toEqual([uploadId]);
  });

  itSideBySide('is not said to be stored because its element cannot remove it just now', async (later) => {
    const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '2000' }, later);
    stage.element.options.removalStatus = 500;
    const uploadId = await stage.accept();
    Object.assign(stage.element.options, { fault: { kind: 'lost-answer' }, delayMs: 5_000 });
    await stage.untilTask(uploadId, { state: 'waiting', reason: 'in_doubt' });
    stage.element.options.delayMs = 0;
    expect((await cancel(stage, uploadId))[0]).not.toBe(409);
    const receipt = (await (await stage.call(`/api/v1/files/${uploadId}`)).json()) as { status: unknown };
    expect(['accepted', 'delivering']).toContain(receipt.status);
    stage.element.options.removalStatus = undefined;
    await stage.untilStatus(uploadId, 'cancelled');
    expect(stage.element.files.size).toBe(0);
  });

  itSideBySide('is asked for before it is said to be nowhere, also as a dead letter', async (later) => {
    const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '2000', DELIVERY_MAX_DOUBT_MS: '500' }, later);
    const uploadId = await stage.accept();
    Object.assign(stage.element.options, { fault: { kind: 'lost-answer' }, delayMs: 5_000 });
    await eventually(async () => {
      expect(await stage.task(uploadId)).toMatchObject({ state: 'dead', reason: 'in_doubt' });
    });
    stage.element.options.delayMs = 0;
    expect(await cancel(stage, uploadId)).toEqual([200, 'cancelled']);
    expect(stage.element.files.size).toBe(0);
    await eventually(async () => expect(await stage.spooled()).toEqual([]));
  });

  itSideBySide(
    'is asked for anew when it was a dead letter in doubt for long, and stays cancelled as one again',
    async (later) => {
      const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '2000' }, later);
      const uploadId = await stage.accept();
      Object.assign(stage.element.options, { fault: { kind: 'lost-answer' }, delayMs: 5_000 });
      await stage.untilTask(uploadId, { state: 'waiting', reason: 'in_doubt' });
      const long = 'doubt_since = ingester.now_ms() - 172800000';
      await stage.query(`UPDATE ingester.tasks SET ${long}, deadline = ingester.now_ms()`);
      await stage.untilTask(uploadId, { state: 'dead', reason: 'in_doubt' });
      expect((await cancel(stage, uploadId))[0]).toBe(202);
      // It has waited for three seconds, and was asked for meanwhile.
      expect(await stage.task(uploadId)).not.toMatchObject({ state: 'dead' });
      await stage.query(`UPDATE ingester.tasks SET ${long}`);
      await stage.untilTask(uploadId, { state: 'dead', reason: 'in_doubt' });
      const { task_id: taskId } = await stage.task(uploadId);
      stage.element.options.delayMs = 0;
      const order = { method: 'POST' };
      const { status } = await stage.call(`/api/v1/dead-letters/${taskId}/redeliver`, order, {
        role: 'admin',
      });
      expect(status).toBe(202);
      await stage.untilStatus(uploadId, 'cancelled');
      expect(stage.element.files.size).toBe(0);
    },
  );

  itSideBySide('can be uploaded anew under its id, with other bytes', async (later) => {
    const stage = await start({}, later);
    const uploadId = randomUUID();
    expect((await stage.put(uploadId, randomBytes(1_000))).status).toBe(202);
    expect(await cancel(stage, uploadId)).toEqual([200, 'cancelled']);
    const bytes = randomBytes(2_000);
    const answer = await stage.put(uploadId, bytes);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ status: 'accepted', size: 2_000 });
    stage.element.options.fault = undefined;
    expect(await stage.untilStatus(uploadId, 'active')).toMatchObject({ checksum: sha256(bytes) });
    expect(await stage.events(uploadId)).toEqual(expect.arrayContaining(['accepted', 'cancelled', 'active']));
    expect(stage.element.files.get(uploadId)).toMatchObject({ sha256: sha256(bytes) });
  });

  itSideBySide('cannot be uploaded anew by somebody else', async (later) => {
    const stage = await start({}, later);
    const uploadId = randomUUID();
    await stage.put(uploadId, randomBytes(1_000));
    await cancel(stage, uploadId);
    const answer = await stage.put(uploadId, randomBytes(1_000), {}, { sub: 'mallory' });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([409, 'CONFLICT']);
    expect(await stage.spooled()).toEqual([]);
  });
});
