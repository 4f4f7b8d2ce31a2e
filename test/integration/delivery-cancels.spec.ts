import { randomBytes, randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { sha256 } from '../support/accepted-service.js';
import { describeDelivery, type DeliveryStage } from './delivery-stage.js';

async function cancel(stage: DeliveryStage, uploadId: string): Promise<[number, unknown]> {
  const answer = await stage.call(`/api/v1/files/${uploadId}`, { method: 'DELETE' });
  const { status } = (await answer.json()) as { status: unknown };
  return [answer.status, status];
}

describeDelivery('a cancelled upload', (start) => {
  it('is not stored when its delivery waits', async () => {
    const stage = await start({ DELIVERY_BACKOFF_BASE_MS: '100000', DELIVERY_BACKOFF_MAX_MS: '100000' });
    const uploadId = await stage.accept();
    await stage.untilTask(uploadId, { state: 'waiting', attempts: 1 });
    expect(await cancel(stage, uploadId)).toEqual([200, 'cancelled']);
    expect(await stage.task(uploadId)).toMatchObject({ state: 'cancelled' });
    expect(await stage.query('SELECT 1 FROM pgboss.job')).toEqual([]);
    expect(await stage.spooled()).toEqual([]);
    expect((await stage.events(uploadId)).at(-1)).toBe('cancelled');
    const audit = await stage.query('SELECT who, action, subject FROM ingester.audit');
    expect(audit).toEqual([{ who: 'alice', action: 'cancel', subject: uploadId }]);
  });

  it('is not stored when its delivery is under way', async () => {
    const stage = await start();
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

  it('is not stored when its delivery fails just then', async () => {
    const stage = await start({ DELIVERY_BACKOFF_BASE_MS: '100000', DELIVERY_BACKOFF_MAX_MS: '100000' });
    stage.element.options.fault = { kind: 'slow', bytesPerSecond: 1_000_000 };
    const uploadId = await stage.accept(randomBytes(500_000), { prefer: 'respond-async' });
    await stage.untilTask(uploadId, { state: 'running', phase: 'sending' });
    stage.element.options.fault = { kind: 'answer', status: 507 };
    // As another replica does, of which this one hears with the next thing that it writes down.
    await stage.query('UPDATE ingester.tasks SET cancel_requested_at = now()');
    await stage.untilTask(uploadId, { state: 'cancelled' });
    expect((await stage.events(uploadId)).at(-1)).toBe('cancelled');
  });

  it('is removed again when the element has kept it all the same', async () => {
    const stage = await start({ STORAGE_COMMIT_TIMEOUT_MS: '20000' });
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

  it('is said to be stored where the element has it and keeps it', async () => {
    const stage = await start({ STORAGE_COMMIT_TIMEOUT_MS: '20000' });
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

  it('is asked for before it is said to be nowhere, also as a dead letter', async () => {
    const stage = await start({ STORAGE_REQUEST_TIMEOUT_MS: '300', DELIVERY_MAX_DOUBT_MS: '500' });
    const uploadId = await stage.accept();
    Object.assign(stage.element.options, { fault: { kind: 'lost-answer' }, delayMs: 1_000 });
    await eventually(async () => {
      expect(await stage.task(uploadId)).toMatchObject({ state: 'dead', reason: 'in_doubt' });
    });
    stage.element.options.delayMs = 0;
    expect(await cancel(stage, uploadId)).toEqual([200, 'cancelled']);
    expect(stage.element.files.size).toBe(0);
    await eventually(async () => expect(await stage.spooled()).toEqual([]));
  });

  it('can be uploaded anew under its id, with other bytes', async () => {
    const stage = await start();
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

  it('cannot be uploaded anew by somebody else', async () => {
    const stage = await start();
    const uploadId = randomUUID();
    await stage.put(uploadId, randomBytes(1_000));
    await cancel(stage, uploadId);
    const answer = await stage.put(uploadId, randomBytes(1_000), {}, { sub: 'mallory' });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([409, 'CONFLICT']);
    expect(await stage.spooled()).toEqual([]);
  });
});
