import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { findAbsentSpools } from '../../src/delivery/ledger/absent-spools.js';
import { FILE_LANE } from '../support/delivery-floor.js';
import { claimedIds, claimOne, type Given, insertTask, LEASE_MS, setDue } from './delivery-subject.js';

const LANE = 'small-permanent';
const LANES = [LANE, 'small-temporary', 'large-permanent', 'large-temporary', 'registration', 'removal'];

/** Tasks are claimed when they are due, and each by one process. */
export function claimContract(given: Given): void {
  claimsWhatIsDue(given);
  claimsNothingElse(given);
  claimsBySpool(given);
  claimsOnce(given);
  showsTheQueue(given);
}

function claimsWhatIsDue(given: Given): void {
  it('gives a task with its upload and where its file may be', async () => {
    const { database, one } = given();
    const taskId = await insertTask(database, { inDoubt: true });
    const { task, upload, placements, holder } = await claimOne(one);
    expect(task).toMatchObject({ task_id: taskId, state: 'running', lease_owner: holder, attempts: 0 });
    expect(task.due_at).toBe(task.now + LEASE_MS);
    expect(task.doubt_since).toBe(task.created_at);
    expect(upload).toMatchObject({ uploadId: task.upload_id, owner: 'alice', status: 'accepted' });
    expect(placements).toEqual([]);
  });

  it('gives a task when it is due, and not before', async () => {
    const { database, one } = given();
    await setDue(database, await insertTask(database), 2_000);
    expect(await claimedIds(one, LANE, 1)).toEqual([]);
    await sleep(2_100);
    expect(await claimedIds(one, LANE, 1)).toHaveLength(1);
  });

  it('gives the oldest first, and at most as many as are asked for', async () => {
    const { database, one } = given();
    const ids: string[] = [];
    for (const age of [1_000, 3_000, 2_000, 4_000]) {
      const taskId = await insertTask(database);
      await setDue(database, taskId, -age);
      ids.push(taskId);
    }
    const [newest, old, young, oldest] = ids;
    expect(new Set(await claimedIds(one, LANE, 2))).toEqual(new Set([oldest, old]));
    expect(await claimedIds(one, LANE, 1)).toEqual([young]);
    expect(await claimedIds(one, LANE, 9)).toEqual([newest]);
    expect(await claimedIds(one, LANE, 9)).toEqual([]);
  });
}

function claimsNothingElse(given: Given): void {
  it('gives each lane its own', async () => {
    const { database, one } = given();
    const ids = new Map<string, string>();
    for (const lane of LANES) ids.set(lane, await insertTask(database, { lane }));
    for (const lane of LANES) expect([lane, await claimedIds(one, lane, 9)]).toEqual([lane, [ids.get(lane)]]);
  });

  it('gives nothing that has ended', async () => {
    const { database, one } = given();
    for (const state of ['done', 'dead', 'cancelled', 'dropped']) {
      const taskId = await insertTask(database);
      await database.query('UPDATE ingester.tasks SET state = $2 WHERE task_id = $1', [taskId, state]);
    }
    expect(await claimedIds(one, LANE, 9)).toEqual([]);
  });

  it('gives nothing that is not committed, and nothing of what is rolled back', async () => {
    const { database, one } = given();
    const taskId = await insertTask(database);
    await database.query("UPDATE ingester.tasks SET state = 'done'");
    const failing = database.transaction(async (tx) => {
      await tx.query("UPDATE ingester.tasks SET state = 'waiting' WHERE task_id = $1", [taskId]);
      throw new RangeError('no more');
    });
    const claims = claimedIds(one, LANE, 9);
    await expect(failing).rejects.toThrow('no more');
    expect(await claims).toEqual([]);
    expect(await claimedIds(one, LANE, 9)).toEqual([]);
  });
}

function claimsBySpool(given: Given): void {
  it('gives a task that needs its file to who has the spool, and to nobody else', async () => {
    const { database, one, other } = given();
    const taskId = await insertTask(database, { lane: FILE_LANE, spoolId: await one.replicas.spoolId() });
    for (const spoolId of ['', 'another']) await insertTask(database, { lane: FILE_LANE, spoolId });
    // With SQLite there is nobody else.
    const others = other === one ? [] : await claimedIds(other, FILE_LANE, 9);
    expect(others).toEqual([]);
    expect(await claimedIds(one, FILE_LANE, 9)).toEqual([taskId]);
    expect(await claimedIds(one, FILE_LANE, 9)).toEqual([]);
  });

  it('tells of tasks whose spool no living replica has, and of no others', async () => {
    const { database, one } = given();
    await one.replicas.beat();
    for (const spoolId of ['', await one.replicas.spoolId(), 'gone', 'gone', 'unknown'])
      await insertTask(database, { lane: FILE_LANE, spoolId });
    const gone = ['00000000-0000-4000-8000-000000000000', '1', 'http://gone', 'gone'];
    await database.query('INSERT INTO ingester.replicas VALUES ($1, $2, $3, $4, 1, 1, 2, NULL)', gone);
    expect(await findAbsentSpools(database)).toEqual([
      { spoolId: 'gone', files: 2, lastSeenAt: new Date(2) },
      { spoolId: 'unknown', files: 1, lastSeenAt: null },
    ]);
  });

  it('gives one that needs no file to anybody', async () => {
    const { database, one, other } = given();
    await insertTask(database, { spoolId: await one.replicas.spoolId() });
    const taskId = await insertTask(database);
    expect(await claimedIds(other, LANE, 9)).toEqual([taskId]);
  });
}

function claimsOnce(given: Given): void {
  it('never gives a task to two who claim at once, and all of them to somebody', async () => {
    const { database, one, other } = given();
    const ids: string[] = [];
    for (let count = 0; count < 60; count += 1) ids.push(await insertTask(database));
    const claims = Array.from({ length: 20 }, (_, index) => claimedIds(index % 2 ? one : other, LANE, 5));
    const claimed = (await Promise.all(claims)).flat();
    // One that meets another may come away with less; never with the same.
    expect(claimed.length).toBeGreaterThan(20);
    const rest = await claimedIds(one, LANE, 100);
    expect([...claimed, ...rest].toSorted()).toEqual(ids.toSorted());
  });

  it('does not wait for a task that another one is just writing to', async () => {
    const { database, one } = given();
    if (database.backend === 'sqlite') return;
    const [busy, free] = [await insertTask(database), await insertTask(database)];
    await database.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM ingester.tasks WHERE task_id = $1 FOR UPDATE', [busy]);
      expect(await claimedIds(one, LANE, 9)).toEqual([free]);
    });
    expect(await claimedIds(one, LANE, 9)).toEqual([busy]);
  });

  it('gives a new holder with every claim', async () => {
    const { database, one } = given();
    const taskId = await insertTask(database);
    const first = await claimOne(one);
    await setDue(database, taskId, 0);
    const second = await claimOne(one);
    expect(second.task.task_id).toBe(first.task.task_id);
    expect(second.holder).not.toBe(first.holder);
  });
}

function showsTheQueue(given: Given): void {
  it('shows people what is waiting and running, and nothing else', async () => {
    const { database, one } = given();
    const waiting = await insertTask(database, { lane: 'removal', kind: 'removal' });
    const running = await insertTask(database);
    const done = await insertTask(database);
    await database.query("UPDATE ingester.tasks SET state = 'done' WHERE task_id = $1", [done]);
    const { holder } = await claimOne(one);
    const rows = await database.query<{
      task_id: string;
      state: string;
      lane: string;
      lease_owner: string;
      due_at: unknown;
    }>('SELECT * FROM ingester.queue ORDER BY state');
    expect(rows).toMatchObject([
      { task_id: running, state: 'running', lane: LANE, lease_owner: holder },
      { task_id: waiting, state: 'waiting', lane: 'removal', lease_owner: null },
    ]);
    const dueInMs =
      new Date(`${String(rows[1]?.due_at)}${database.backend === 'sqlite' ? 'Z' : ''}`).getTime() -
      Date.now();
    expect(Math.abs(dueInMs)).toBeLessThan(60_000);
  });
}
