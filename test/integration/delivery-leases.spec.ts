import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { DeliveryWorkers } from '../../src/delivery/delivery-workers.service.js';
import { eventually } from '../support/eventually.js';
import { itSideBySide } from '../support/side-by-side.js';
import { describeDeliveryOnBoth, type DeliveryStage } from './delivery-stage.js';

/** A file that is too large for the buffers in between, and an element that takes no more than a part of it. */
async function untilSending(stage: DeliveryStage): Promise<string> {
  stage.element.options.fault = { kind: 'stall', afterBytes: 100_000 };
  const uploadId = await stage.accept(randomBytes(20_000_000), { prefer: 'respond-async' });
  await eventually(async () => {
    expect(await stage.task(uploadId)).toMatchObject({ phase: 'sending', state: 'running' });
    expect(stage.element.uploads.at(-1)?.bytes).toBeGreaterThan(100_000);
  });
  return uploadId;
}

/** Makes all that waits due, and has whoever claims any of it wait until what this gives is called. */
async function lockTasks({ running }: DeliveryStage): Promise<() => Promise<void>> {
  const database = running.app.get(Database, { strict: false });
  const [locked, unlocked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const transaction = database.transaction(async (tx) => {
    if (database.backend === 'postgres') await tx.query('LOCK TABLE ingester.tasks IN ACCESS EXCLUSIVE MODE');
    await tx.query('UPDATE ingester.tasks SET due_at = ingester.now_ms()');
    locked.resolve();
    await unlocked.promise;
  });
  await locked.promise;
  return () => {
    unlocked.resolve();
    return transaction;
  };
}

describeDeliveryOnBoth('a delivery', (start) => {
  itSideBySide('is kept for longer than one lease, and says how far it is', async (later) => {
    const stage = await start({ DELIVERY_LEASE_MS: '2000', STORAGE_COMMIT_TIMEOUT_MS: '30000' }, later);
    stage.element.options.fault = { kind: 'slow', bytesPerSecond: 6_000_000 };
    // Too large for the buffers in between.
    const uploadId = await stage.accept(randomBytes(20_000_000), { prefer: 'respond-async' });
    const { lease_owner: holder } = await stage.untilTask(uploadId, { phase: 'sending' });
    await eventually(async () => {
      const [upload] = await stage.query<{ bytes_delivered: number }>('SELECT * FROM ingester.uploads');
      expect(upload?.bytes_delivered).toBeGreaterThan(0);
      expect(upload?.bytes_delivered).toBeLessThan(20_000_000);
    });
    await stage.untilStatus(uploadId, 'active');
    expect(holder).not.toBeNull();
    expect(stage.element.uploads).toHaveLength(1);
    expect(await stage.task(uploadId)).toMatchObject({ attempts: 1, state: 'done' });
  });

  itSideBySide('stops when the task is another’s, and changes nothing of it', async (later) => {
    const stage = await start({ DELIVERY_LEASE_MS: '2000' }, later);
    const uploadId = await untilSending(stage);
    const other = randomUUID();
    await stage.query(
      `UPDATE ingester.tasks SET lease_owner = $1, due_at = ingester.now_ms() + 3600000, phase = 'ended'`,
      other,
    );
    await eventually(() =>
      Promise.resolve(expect(stage.element.uploads.at(-1)?.state).not.toBe('receiving')),
    );
    // More than a beat of the lease, and than the time until a try that failed is settled.
    await sleep(1_500);
    expect(await stage.task(uploadId)).toMatchObject({
      lease_owner: other,
      state: 'running',
      phase: 'ended',
      attempts: 0,
    });
    expect(await stage.events(uploadId)).toEqual(['accepted', 'delivering']);
    stage.element.options.fault = undefined;
    // The other one is gone, and its lease runs out.
    await stage.query('UPDATE ingester.tasks SET due_at = ingester.now_ms()');
    await stage.untilStatus(uploadId, 'active');
    expect([...stage.element.files.keys()]).toEqual([uploadId]);
  });

  itSideBySide(
    'is not finished when its lease has run out while the database was not asked',
    async (later) => {
      const stage = await start({ DELIVERY_LEASE_MS: '2000', DELIVERY_POLL_MS: '60000' }, later);
      const uploadId = await untilSending(stage);
      // The rows cannot be written to, so that the lease is not extended.
      await stage.query('ALTER TABLE ingester.tasks RENAME TO tasks_away');
      await eventually(async () => {
        expect(stage.element.uploads.at(-1)?.state).not.toBe('receiving');
        await Promise.resolve();
      });
      await stage.query('ALTER TABLE ingester.tasks_away RENAME TO tasks');
      expect(await stage.task(uploadId)).toMatchObject({ state: 'running', phase: 'sending', attempts: 0 });
      expect(stage.element.files.size).toBe(0);
    },
  );

  itSideBySide('is put back as it was when the service ends', async (later) => {
    const stage = await start({ SHUTDOWN_GRACE_MS: '100' }, later);
    const uploadId = await untilSending(stage);
    await stage.running.app.close();
    const again = await stage.reopen();
    stage.element.options.fault = undefined;
    const [first] = await again.history(uploadId);
    expect(first).toMatchObject({ number: 1, outcome: 'interrupted' });
    // Long before the lease of the process that ended would have run out.
    await again.untilStatus(uploadId, 'active');
    expect([...stage.element.files.keys()]).toEqual([uploadId]);
    expect(await again.task(uploadId)).toMatchObject({ attempts: 1 });
  });

  itSideBySide(
    'is put back also when it was taken, or was about to be, when the grace was over',
    async (later) => {
      const grace = { SHUTDOWN_GRACE_MS: '100', STORAGE_COMMIT_TIMEOUT_MS: '100000' };
      const wait = { DELIVERY_BACKOFF_BASE_MS: '1000000', DELIVERY_BACKOFF_MAX_MS: '1000000' };
      const stage = await start({ ...grace, ...wait }, later);
      const uploadId = await stage.accept(randomBytes(20_000_000));
      await stage.untilTask(uploadId, { state: 'waiting', attempts: 1 });
      stage.element.options.fault = { kind: 'slow', bytesPerSecond: 200_000 };
      const unlock = await lockTasks(stage);
      // A worker is claiming by now.
      await sleep(500);
      const stopping = stage.running.app.get(DeliveryWorkers, { strict: false }).stop();
      await sleep(500);
      await unlock();
      const startedAt = performance.now();
      await stopping;
      expect(performance.now() - startedAt).toBeLessThan(8_000);
      await stage.untilTask(uploadId, { state: 'waiting', attempts: 1 });
    },
  );

  itSideBySide('is finished when the service ends and there is time for it', async (later) => {
    const stage = await start({ SHUTDOWN_GRACE_MS: '10000', STORAGE_COMMIT_TIMEOUT_MS: '30000' }, later);
    stage.element.options.fault = { kind: 'slow', bytesPerSecond: 1_000_000 };
    const uploadId = await stage.accept(randomBytes(1_000_000), { prefer: 'respond-async' });
    await stage.untilTask(uploadId, { phase: 'sending' });
    await stage.running.app.close();
    expect([...stage.element.files.keys()]).toEqual([uploadId]);
    const again = await stage.reopen();
    expect(await again.task(uploadId)).toMatchObject({ state: 'done', attempts: 1 });
  });
});
