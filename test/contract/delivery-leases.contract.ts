import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { LeasedJob } from '../../src/delivery/queue/leased-job.js';
import type { DeliveryFloor } from '../support/delivery-floor.js';
import { leased, publish } from './delivery-jobs.js';
import { type Given, LEASE_MS, NOW } from './delivery-subject.js';

/** One process has a job at a time, and each knows which those are. */
export function leaseContract(given: Given): void {
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

/** Who looks for lost leases does so four times in a lease. */
async function takeSoon({ queue }: DeliveryFloor): Promise<LeasedJob[]> {
  const deadline = Date.now() + LEASE_MS;
  for (;;) {
    const jobs = await queue.take('small', 1);
    if (jobs.length > 0 || Date.now() > deadline) return jobs;
    await sleep(50);
  }
}
