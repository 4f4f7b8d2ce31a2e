import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { leased, publish } from './delivery-jobs.js';
import { type Given, insertUpload, NOW } from './delivery-subject.js';

/** Jobs are as certain as rows, come when they are due, and do not get lost. */
export function queueContract(given: Given): void {
  writesRowAndJobTogether(given);
  plansJobs(given);
  outlivesReleases(given);
}

function writesRowAndJobTogether(given: Given): void {
  it('shows a row and its job together, or not at all', async () => {
    const { database, one, other } = given();
    const [kept, dropped] = [randomUUID(), randomUUID()];
    const write = (uploadId: string, end: () => void): Promise<void> =>
      database.transaction(async (tx) => {
        await insertUpload(tx, uploadId);
        await one.queue.publish(tx, { version: 1, task_id: uploadId }, 'small', NOW);
        end();
      });
    await write(kept, () => undefined);
    const failing = write(dropped, () => {
      throw new RangeError('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    expect((await other.queue.take('small', 10)).map(({ taskId }) => taskId)).toEqual([kept]);
    expect(await database.query('SELECT 1 FROM ingester.uploads WHERE upload_id = $1', [dropped])).toEqual(
      [],
    );
  });

  it('keeps a job whose completion is rolled back', async () => {
    const { database, one, other } = given();
    await publish(given, 'a');
    const [job] = await one.queue.take('small', 1);
    const failing = database.transaction(async (tx) => {
      expect(await one.queue.complete(tx, leased(job))).toBe(true);
      throw new RangeError('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    expect(await one.queue.renew([leased(job)])).toEqual([]);
    expect(await other.queue.take('small', 1)).toEqual([]);
  });

  it('forgets a job that is completed', async () => {
    const { database, one } = given();
    await publish(given, 'a');
    const [job] = await one.queue.take('small', 1);
    await database.transaction((tx) => one.queue.complete(tx, leased(job)));
    expect(await database.query('SELECT 1 FROM pgboss.job')).toEqual([]);
  });
}

function plansJobs(given: Given): void {
  it('gives a job when it is due, and not before', async () => {
    const { database, one } = given();
    const due = new Date(Date.now() + 2_000);
    await database.transaction((tx) => one.queue.publish(tx, { version: 1, task_id: 'a' }, 'small', due));
    expect(await one.queue.take('small', 1)).toEqual([]);
    await sleep(2_100);
    expect(await one.queue.take('small', 1)).toHaveLength(1);
  });

  it('gives the oldest first, at most as many as are asked for, and each lane its own', async () => {
    const { database, one } = given();
    await publish(given, 'a', 'b', 'c');
    await database.transaction((tx) => one.queue.publish(tx, { version: 1, task_id: 'l' }, 'large', NOW));
    expect((await one.queue.take('small', 2)).map(({ taskId }) => taskId).toSorted()).toEqual(['a', 'b']);
    expect(await one.queue.take('registration', 2)).toEqual([]);
    expect(await one.queue.take('large', 2)).toMatchObject([{ lane: 'large', taskId: 'l' }]);
    expect(await one.queue.take('small', 2)).toMatchObject([{ taskId: 'c' }]);
  });

  it('has one job for a task, however often it is published', async () => {
    const { one } = given();
    await publish(given, 'a');
    await publish(given, 'a');
    expect(await one.queue.take('small', 2)).toHaveLength(1);
    await publish(given, 'a');
    expect(await one.queue.take('small', 2)).toEqual([]);
  });

  it('postpones a job, and ends the lease of who had it', async () => {
    const { database, one, other } = given();
    await publish(given, 'a');
    const [job] = await one.queue.take('small', 1);
    const due = new Date(Date.now() + 1_500);
    expect(await database.transaction((tx) => one.queue.postpone(tx, leased(job), due))).toBe(true);
    expect(await one.queue.renew([leased(job)])).toEqual([job]);
    expect(await other.queue.take('small', 1)).toEqual([]);
    await sleep(1_600);
    expect(await other.queue.take('small', 1)).toMatchObject([{ taskId: 'a' }]);
  });

  it('withdraws a job that waits, and one that somebody has', async () => {
    const { database, one } = given();
    await publish(given, 'a', 'b');
    const [job] = await one.queue.take('small', 1);
    for (const taskId of ['a', 'b', 'unknown']) {
      await database.transaction((tx) => one.queue.withdraw(tx, taskId, 'small'));
    }
    expect(await one.queue.take('small', 2)).toEqual([]);
    expect(await one.queue.renew([leased(job)])).toEqual([job]);
  });
}

function outlivesReleases(given: Given): void {
  it('keeps a job that it does not understand, for a process that does', async () => {
    const { database, one } = given();
    await publish(given, 'a', 'b');
    await database.query(
      `UPDATE pgboss.job SET data = '{"version":2,"what":"is this"}' WHERE singleton_key = 'a'`,
    );
    expect(await one.queue.take('small', 5)).toMatchObject([{ taskId: 'b' }]);
    expect(await one.queue.take('small', 5)).toEqual([]);
    const rows = await database.query(
      "SELECT data, state::text, start_after > now() AS later FROM pgboss.job WHERE data->>'version' = '2'",
    );
    expect(rows).toEqual([{ data: { version: 2, what: 'is this' }, state: 'created', later: true }]);
  });

  it('keeps all jobs that it does not understand, each with its key and its group', async () => {
    const { database, one } = given();
    const keys = [randomUUID(), randomUUID(), randomUUID()];
    const publishNewer = (singletonKey: string): Promise<unknown> =>
      one.database.use(({ boss }) =>
        boss.send('ingester-small', { version: 2 }, { singletonKey, group: { id: 'some' } }),
      );
    await Promise.all(keys.map(publishNewer));
    expect(await one.queue.take('small', 5)).toEqual([]);
    const rows = await database.query<{ key: string }>(
      'SELECT singleton_key AS key, group_id AS group, state::text, start_after > now() AS later FROM pgboss.job',
    );
    const expected = keys.map((key) => ({ key, group: 'some', state: 'created', later: true }));
    expect(rows).toEqual(expect.arrayContaining(expected));
    expect(rows).toHaveLength(3);
  });

  it('makes jobs that pg-boss keeps, whatever happens and however long it takes', async () => {
    const { database, one } = given();
    await publish(given, 'a', 'b');
    await one.queue.take('small', 1);
    await one.database.use(({ boss }) => boss.supervise());
    const rows = await database.query(
      `SELECT state::text, keep_until > now() + interval '9 years' AS kept, retry_limit > 1000000000 AS patient,
         dead_letter FROM pgboss.job ORDER BY state::text`,
    );
    const job = { kept: true, patient: true, dead_letter: null };
    expect(rows).toEqual([
      { state: 'active', ...job },
      { state: 'created', ...job },
    ]);
  });
}
