import { expect, it } from '@jest/globals';
import { DeliveryUpkeep } from '../../src/delivery/delivery-upkeep.service.js';
import { describeDeliveryOnBoth, type DeliveryStage } from './delivery-stage.js';

const maintain = ({ running }: DeliveryStage): Promise<void> =>
  running.app.get(DeliveryUpkeep, { strict: false }).runMaintenance();

const DAY_MS = 86_400_000;
const daysAgo = (days: number): number => Date.now() - days * DAY_MS;

/** A dead letter of one attempt. */
async function deadLetter(stage: DeliveryStage): Promise<string> {
  const uploadId = await stage.accept();
  await stage.untilTask(uploadId, { state: 'dead' });
  return uploadId;
}

describeDeliveryOnBoth('what time brings', (start) => {
  it('takes receipts when they were kept for long enough, and not before', async () => {
    const stage = await start();
    stage.element.options.fault = undefined;
    const async = { prefer: 'respond-async' };
    const [old, young] = [await stage.accept(undefined, async), await stage.accept(undefined, async)];
    await stage.untilStatus(old, 'active');
    await stage.untilStatus(young, 'active');
    await stage.query('UPDATE ingester.uploads SET finished_at = $2 WHERE upload_id = $1', old, daysAgo(31));
    await maintain(stage);
    const left = await stage.query('SELECT upload_id FROM ingester.uploads');
    expect(left).toEqual([{ upload_id: young }]);
    expect(await stage.query('SELECT 1 FROM ingester.events WHERE upload_id = $1', old)).toEqual([]);
  });

  it('takes dead letters with their file, and writes that down', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' });
    const [old, young] = [await deadLetter(stage), await deadLetter(stage)];
    await stage.query('UPDATE ingester.tasks SET dead_at = $2 WHERE upload_id = $1', old, daysAgo(31));
    await maintain(stage);
    expect(await stage.spooled()).toEqual([expect.stringContaining(young)]);
    expect((await stage.events(old)).at(-1)).toBe('expired');
    expect(await stage.task(old)).toMatchObject({ state: 'dropped' });
    expect(await stage.task(young)).toMatchObject({ state: 'dead' });
    const audit = await stage.query<{ action: string; data: string }>('SELECT * FROM ingester.audit');
    expect(audit).toMatchObject([{ who: 'ingester', action: 'expire' }]);
    expect(JSON.parse(audit[0]?.data ?? '')).toMatchObject({ upload_id: old, reason: 'STORAGE_FULL' });
  });

  it('takes a dead letter at once whose file nobody wants any more, however long others are kept', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1', DEAD_LETTER_RETENTION_DAYS: '0' });
    const [expired, kept] = [await deadLetter(stage), await deadLetter(stage)];
    await stage.query('UPDATE ingester.tasks SET dead_at = $2 WHERE upload_id = $1', kept, daysAgo(3000));
    await stage.query(
      'UPDATE ingester.uploads SET expires_at = $2 WHERE upload_id = $1',
      expired,
      daysAgo(1),
    );
    await maintain(stage);
    expect(await stage.task(expired)).toMatchObject({ state: 'dropped' });
    expect(await stage.task(kept)).toMatchObject({ state: 'dead' });
    expect(await stage.spooled()).toEqual([expect.stringContaining(kept)]);
  });

  it('does the rest where a part of it cannot be done', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' });
    const [old, finished] = [await deadLetter(stage), await deadLetter(stage)];
    await stage.query('UPDATE ingester.tasks SET dead_at = $2 WHERE upload_id = $1', old, daysAgo(31));
    await stage.call(`/api/v1/files/${finished}`, { method: 'DELETE' });
    const wasFinished = 'UPDATE ingester.uploads SET finished_at = $1 WHERE finished_at IS NOT NULL';
    await stage.query(wasFinished, daysAgo(31));
    // Its receipt cannot go while something else refers to it.
    await stage.query(
      'CREATE TABLE ingester.keeper (upload_id uuid REFERENCES ingester.uploads (upload_id))',
    );
    await stage.query('INSERT INTO ingester.keeper (upload_id) VALUES ($1)', finished);
    await maintain(stage);
    expect(await stage.query('SELECT 1 FROM ingester.uploads')).toHaveLength(2);
    expect(await stage.task(old)).toMatchObject({ state: 'dropped' });
  });

  it('does no more than it has begun when the service ends', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' });
    const old = await deadLetter(stage);
    await stage.query('UPDATE ingester.tasks SET dead_at = $1', daysAgo(31));
    const upkeep = stage.running.app.get(DeliveryUpkeep, { strict: false });
    const keeping = upkeep.runMaintenance();
    await upkeep.beforeApplicationShutdown();
    await keeping;
    expect(await stage.task(old)).toMatchObject({ state: 'dead' });
  });
});
