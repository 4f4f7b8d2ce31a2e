import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { DeliveryUpkeep } from '../../src/delivery/delivery-upkeep.service.js';
import { filesIn, leftIn } from '../contract/s3-element-fixture.js';
import { type AcceptingService, type Json, sha256 } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import type { S3Double } from '../support/s3-double/s3-double.js';
import { MIB, onlyFileIn, s3Entry, s3Stage } from './s3-stage.js';

/** Of three parts. */
const LARGE = randomBytes(12 * MIB);
const ASYNC = { prefer: 'respond-async' };
/** Nothing is tried twice while a test looks. */
const SLOW = { DELIVERY_BACKOFF_BASE_MS: '600000', DELIVERY_BACKOFF_MAX_MS: '600000' };

describe('a delivery that nobody goes on with', () => {
  const stage = s3Stage();

  /** Fails with the second part of each file. */
  async function failing(): Promise<S3Double> {
    const double = await stage.store();
    const does = { kind: 'answer', status: 400, code: 'InvalidRequest' } as const;
    double.faults.push({ on: 'UploadPart', partNumber: 2, times: Infinity, does });
    return double;
  }

  async function accept(service: AcceptingService): Promise<string> {
    const answer = await service.post(LARGE, ASYNC);
    expect(answer.status).toBe(202);
    return String(((await answer.json()) as Json).upload_id);
  }

  /** The id of the task, once it is in this state, with what it has left in the bucket. */
  async function untilLeft(service: AcceptingService, double: S3Double, state: string): Promise<string> {
    const tasks = (): Promise<{ task_id: string; state: string }[]> =>
      service.running.app.get(Database, { strict: false }).query('SELECT task_id, state FROM ingester.tasks');
    await eventually(async () => expect(await tasks()).toMatchObject([{ state }]));
    expect(leftIn(double)).toHaveLength(1);
    return (await tasks())[0]?.task_id ?? '';
  }

  async function expectNothingIn(double: S3Double): Promise<void> {
    await eventually(() => Promise.resolve(expect(leftIn(double)).toEqual([])));
    expect(filesIn(double)).toEqual([]);
  }

  it('leaves no parts where another bucket has taken the file', async () => {
    const double = await failing();
    const other = await stage.store();
    const service = await stage.service([s3Entry(double), s3Entry(other, { id: 'other', priority: 2 })], {
      STORAGE_RETRY_ATTEMPTS: '2',
      STORAGE_RETRY_BASE_MS: '1',
    });
    await service.untilStatus(await accept(service), 'active');
    expect(onlyFileIn(other)).toEqual({ size: LARGE.length, sha256: sha256(LARGE) });
    await expectNothingIn(double);
    expect(leftIn(other)).toEqual([]);
  });

  it('leaves no parts where it is cancelled while it waits', async () => {
    const double = await failing();
    const service = await stage.service([s3Entry(double)], SLOW);
    const uploadId = await accept(service);
    await untilLeft(service, double, 'waiting');
    expect((await service.call(`/api/v1/files/${uploadId}`, { method: 'DELETE' })).ok).toBe(true);
    await service.untilStatus(uploadId, 'cancelled');
    await expectNothingIn(double);
  });

  it('leaves no parts as a dead letter that an operator drops', async () => {
    const double = await failing();
    const service = await stage.service([s3Entry(double)], { DELIVERY_MAX_ATTEMPTS: '1' });
    await accept(service);
    const taskId = await untilLeft(service, double, 'dead');
    const headers = { 'content-type': 'application/json' };
    const order = { method: 'DELETE', headers, body: JSON.stringify({ reason: 'of no use' }) };
    const answer = await service.call(`/api/v1/dead-letters/${taskId}`, order, { role: 'admin' });
    expect(answer.status).toBe(204);
    await expectNothingIn(double);
  });

  it('leaves no parts as a dead letter that was kept for long enough', async () => {
    const double = await failing();
    const service = await stage.service([s3Entry(double)], { DELIVERY_MAX_ATTEMPTS: '1' });
    await accept(service);
    await untilLeft(service, double, 'dead');
    const { app } = service.running;
    await app.get(Database, { strict: false }).query('UPDATE ingester.tasks SET dead_at = 0');
    await app.get(DeliveryUpkeep, { strict: false }).runMaintenance();
    await expectNothingIn(double);
  });
});
