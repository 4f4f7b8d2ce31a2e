import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { beginAttempt } from '../../src/delivery/ledger/task-checkpoints.js';
import { claimTask, findTask, insertTask } from '../../src/delivery/ledger/task-rows.js';
import type { LeasedJob } from '../../src/delivery/queue/leased-job.js';
import type { DeliveryFloor } from '../support/delivery-floor.js';
import { leased, publish } from './delivery-jobs.js';
import { type Given, insertUpload, LEASE_MS, NOW } from './delivery-subject.js';

/** One process has a job at a time, and each knows which those are. */
export function leaseContract(given: Given): void {
  heedsNoClock(given);

  it('never gives a job to two who take at once', async () => {
    const { one, other } = given();
    const ids = Array.from({ length: 60 }, () => randomUUID());
    await publish(given, ...ids);
    const takings = Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? one : other).queue.take('small', 5),
    );
    const taken = (await Promise.all(takings)).flat().map(({ taskId }) => taskId);
    // One that meets another may come away with less; never with the same.
    expect(new Set(taken).size).toBe(taken.length);
    expect(taken.length).toBeGreaterThan(20);
  });

  it('lets another take over what is no longer renewed, and tells the one who lost it', async () => {
    const { database, one, other } = given();
    await publish(given, 'a');
    const [lost] = await one.queue.take('small', 1);
    expect(await other.queue.take('small', 1)).toEqual([]);
    await sleep(LEASE_MS + 200);
    const [taken] = await takeSoon(other);
    expect(taken).toMatchObject({ taskId: 'a', id: lost?.id });
    expect(await one.queue.renew([leased(lost)])).toEqual([lost]);
    expect(await database.transaction((tx) => one.queue.complete(tx, leased(lost)))).toBe(false);
    expect(await database.transaction((tx) => one.queue.postpone(tx, leased(lost), NOW))).toBe(false);
    expect(await other.queue.renew([leased(taken)])).toEqual([]);
  });

  it('lets nobody take what is renewed in time, however long it takes', async () => {
    const { one, other } = given();
    await publish(given, 'a');
    const [job] = await one.queue.take('small', 1);
    for (let third = 0; third < 6; third += 1) {
      await sleep(LEASE_MS / 3);
      expect(await one.queue.renew([leased(job)])).toEqual([]);
      expect(await other.queue.take('small', 1)).toEqual([]);
    }
  });

  it('takes over the same job again and again', async () => {
    const { one, other } = given();
    await publish(given, 'a');
    await one.queue.take('small', 1);
    for (let death = 0; death < 3; death += 1) {
      await sleep(LEASE_MS + 200);
      expect(await takeSoon(other)).toMatchObject([{ taskId: 'a', retryCount: death + 1 }]);
    }
  });
}

function heedsNoClock(given: Given): void {
  it('does not let the clock of a process say who holds a task', async () => {
    const { database } = given();
    const [uploadId, taskId] = [await insertUpload(database), randomUUID()];
    const [behind, ahead] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
    const task = { taskId, uploadId, kind: 'delivery', doubtfulTargets: [], unaskedTargets: [] } as const;
    await insertTask(database, { ...task, size: 1, at: behind, deadline: ahead });
    const claim = (holder: string, at: Date): Promise<object | undefined> =>
      claimTask(database, taskId, { holder, leaseMs: LEASE_MS, at });
    expect(await claim('one', new Date())).toMatchObject({ lease_owner: 'one' });
    const attempt = { target: 'storage:se-1', doubtfulTargets: ['storage:se-1'], number: 1 };
    await beginAttempt(database, taskId, { holder: 'one', leaseMs: LEASE_MS, at: new Date() }, attempt);
    expect(await claim('ahead', ahead)).toBeUndefined();
    expect((await findTask(database, taskId))?.lease_left_ms).toBeLessThanOrEqual(LEASE_MS);
    await sleep(LEASE_MS + 200);
    // It may have been handed over until now, by the clock that measures the time since.
    const taken = { lease_owner: 'behind', handed_over_at: behind };
    expect(await claim('behind', behind)).toMatchObject(taken);
  });
}

/** Who looks for lost leases does so four times in a lease. */
async function takeSoon({ queue }: DeliveryFloor): Promise<LeasedJob[]> {
  const deadline = Date.now() + LEASE_MS;
  for (;;) {
    const jobs = await queue.take('small', 1);
    if (jobs.length > 0 || Date.now() > deadline) return jobs;
    await sleep(50);
  }
}
