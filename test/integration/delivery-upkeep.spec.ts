import { expect, it } from '@jest/globals';
import { DeliveryUpkeep } from '../../src/delivery/delivery-upkeep.service.js';
import { describeDelivery, type DeliveryStage } from './delivery-stage.js';

const keepUp = ({ running }: DeliveryStage): Promise<void> =>
  running.app.get(DeliveryUpkeep, { strict: false }).keepUp();

/** A dead letter of one attempt. */
async function deadLetter(stage: DeliveryStage): Promise<string> {
  const uploadId = await stage.accept();
  await stage.untilTask(uploadId, { state: 'dead' });
  return uploadId;
}

describeDelivery('what time brings', (start) => {
  it('takes receipts when they were kept for long enough, and not before', async () => {
    const stage = await start();
    stage.element.options.fault = undefined;
    const async = { prefer: 'respond-async' };
    const [old, young] = [await stage.accept(undefined, async), await stage.accept(undefined, async)];
    await stage.untilStatus(old, 'active');
    await stage.untilStatus(young, 'active');
    await stage.query(`UPDATE ingester.uploads SET finished_at = now() - interval '31 days'
      WHERE upload_id = '${old}'`);
    await keepUp(stage);
    const left = await stage.query('SELECT upload_id FROM ingester.uploads');
    expect(left).toEqual([{ upload_id: young }]);
    expect(await stage.query('SELECT 1 FROM ingester.events WHERE upload_id = $1', old)).toEqual([]);
  });

  it('takes dead letters with their file, and writes that down', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' });
    const [old, young] = [await deadLetter(stage), await deadLetter(stage)];
    await stage.query(`UPDATE ingester.tasks SET dead_at = now() - interval '31 days'
      WHERE upload_id = '${old}'`);
    await keepUp(stage);
    expect(await stage.spooled()).toEqual([`${young}.upload`]);
    expect((await stage.events(old)).at(-1)).toBe('expired');
    expect(await stage.task(old)).toMatchObject({ state: 'dropped' });
    expect(await stage.task(young)).toMatchObject({ state: 'dead' });
    const audit = await stage.query<{ action: string; data: object }>(
      'SELECT action, data FROM ingester.audit',
    );
    expect(audit).toMatchObject([{ action: 'expire', data: { upload_id: old, reason: 'STORAGE_FULL' } }]);
  });

  it('takes a dead letter at once whose file nobody wants any more, however long others are kept', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1', DEAD_LETTER_RETENTION_DAYS: '0' });
    const [expired, kept] = [await deadLetter(stage), await deadLetter(stage)];
    await stage.query(
      `UPDATE ingester.tasks SET dead_at = now() - interval '3000 days' WHERE upload_id = $1`,
      kept,
    );
    await stage.query(
      `UPDATE ingester.uploads SET description = description || '{"uploadedAt":"2020-01-01T00:00:00.000Z"}'
      WHERE upload_id = $1`,
      expired,
    );
    await keepUp(stage);
    expect(await stage.task(expired)).toMatchObject({ state: 'dropped' });
    expect(await stage.task(kept)).toMatchObject({ state: 'dead' });
    expect(await stage.spooled()).toEqual([`${kept}.upload`]);
  });

  it('does the rest where a part of it cannot be done', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' });
    const [old, finished] = [await deadLetter(stage), await deadLetter(stage)];
    await stage.query(
      `UPDATE ingester.tasks SET dead_at = now() - interval '31 days' WHERE upload_id = $1`,
      old,
    );
    await stage.call(`/api/v1/files/${finished}`, { method: 'DELETE' });
    await stage.query(`UPDATE ingester.uploads SET finished_at = now() - interval '31 days'
      WHERE finished_at IS NOT NULL`);
    await stage.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'not this one'; END $$`);
    await stage.query('CREATE TRIGGER refuse BEFORE DELETE ON ingester.uploads EXECUTE FUNCTION refuse()');
    await keepUp(stage);
    expect(await stage.query('SELECT 1 FROM ingester.uploads')).toHaveLength(2);
    expect(await stage.task(old)).toMatchObject({ state: 'dropped' });
  });

  it('does no more than it has begun when the service ends', async () => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1' });
    const old = await deadLetter(stage);
    await stage.query(`UPDATE ingester.tasks SET dead_at = now() - interval '31 days'`);
    const upkeep = stage.running.app.get(DeliveryUpkeep, { strict: false });
    const keeping = upkeep.keepUp();
    await upkeep.beforeApplicationShutdown();
    await keeping;
    expect(await stage.task(old)).toMatchObject({ state: 'dead' });
  });

  it('wakes tasks whose job is gone, and leaves the others their own', async () => {
    const stage = await start({ DELIVERY_BACKOFF_BASE_MS: '100000', DELIVERY_BACKOFF_MAX_MS: '100000' });
    const [lost, waiting] = [await stage.accept(), await stage.accept()];
    await stage.untilTask(lost, { state: 'waiting', attempts: 1 });
    await stage.untilTask(waiting, { state: 'waiting', attempts: 1 });
    const { task_id: lostTask } = await stage.task(lost);
    await stage.query('DELETE FROM pgboss.job WHERE singleton_key = $1', lostTask);
    await stage.query(`UPDATE ingester.tasks SET due_at = now() - interval '1 hour'`);
    stage.element.options.fault = undefined;
    await keepUp(stage);
    await stage.untilStatus(lost, 'active');
    expect(await stage.query('SELECT 1 FROM ingester.queue')).toHaveLength(1);
    expect(await stage.task(waiting)).toMatchObject({ state: 'waiting', attempts: 1 });
  });
});
