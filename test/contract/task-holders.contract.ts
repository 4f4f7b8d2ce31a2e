import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { Database } from '../../src/database/database.service.js';
import { extendLeases } from '../../src/delivery/ledger/task-claims.js';
import { beginAttempts, saveCheckpoint } from '../../src/delivery/ledger/task-checkpoints.js';
import { lockHeld, releaseTasks } from '../../src/delivery/ledger/task-ends.js';
import type { ClaimedTask } from '../../src/delivery/worker/held-task.js';
import { claimedIds, claimOne, type Given, insertTask, LEASE_MS, setDue } from './delivery-subject.js';

const LANE = 'small-permanent';
const TARGET = 'storage:se-1';

/** A task is one process's at a time, and only that one writes down what becomes of it. */
export function holderContract(given: Given): void {
  changesHands(given);
  fencesTheLoser(given);
  writesDown(given);
  keepsCheckpoints(given);
  meetsNobody(given);
}

function changesHands(given: Given): void {
  it('lets another take over what is no longer kept', async () => {
    const { database, one, other } = given();
    const taskId = await insertTask(database);
    const lost = await claimOne(one);
    expect(await claimedIds(other, LANE, 1)).toEqual([]);
    await sleep(LEASE_MS + 100);
    const taken = await claimOne(other);
    expect(taken.task).toMatchObject({ task_id: taskId, lease_owner: taken.holder });
    expect(taken.holder).not.toBe(lost.holder);
  });

  it('lets nobody take what is kept in time, however long it takes', async () => {
    const { database, one, other } = given();
    await insertTask(database);
    const held = await claimOne(one);
    for (let third = 0; third < 5; third += 1) {
      await sleep(LEASE_MS / 3);
      expect(await extended(database, held)).toEqual([held.task.task_id]);
      expect(await claimedIds(other, LANE, 1)).toEqual([]);
    }
  });

  it('does not know when a file was handed over whose sender is gone', async () => {
    const { database, one, other } = given();
    await insertTask(database);
    const held = await claimOne(one);
    await begin(database, held);
    await setDue(database, held.task.task_id, -1);
    const { task, placements } = await claimOne(other);
    expect(task).toMatchObject({ phase: 'queued', target: TARGET });
    expect(placements).toEqual([{ target: TARGET, unverified: false, lastByteAt: null }]);
  });

  it('goes by the clock of the database, and not by that of a process', async () => {
    const { database, one, other } = given();
    const clock = Date.now;
    const taskId = await insertTask(database);
    await claimOne(one);
    try {
      Date.now = (): number => clock() + 60_000;
      expect(await claimedIds(other, LANE, 1)).toEqual([]);
      Date.now = (): number => clock() - 60_000;
      await setDue(database, taskId, -1);
      expect(await claimedIds(other, LANE, 1)).toEqual([taskId]);
    } finally {
      Date.now = clock;
    }
  });
}

function fencesTheLoser(given: Given): void {
  it('changes nothing any more for one who has lost a task', async () => {
    const { database, one, other } = given();
    const taskId = await insertTask(database);
    const lost = await claimOne(one);
    await setDue(database, taskId, -1);
    const taken = await claimOne(other);
    const before = await everythingOf(database, taskId);
    expect(await extended(database, lost)).toEqual([]);
    expect(await begin(database, lost)).toBeUndefined();
    expect(await checkpointed(database, lost, 'part 3')).toBe(false);
    expect(await release(database, lost, 'done')).toBe(false);
    expect(await everythingOf(database, taskId)).toEqual(before);
    expect(await extended(database, taken)).toEqual([taskId]);
    expect(await release(database, taken, 'done')).toBe(true);
  });

  it('changes nothing for one who has let go of a task', async () => {
    const { database, one } = given();
    const taskId = await insertTask(database);
    const held = await claimOne(one);
    expect(await release(database, held, 'waiting')).toBe(true);
    const before = await everythingOf(database, taskId);
    expect(await extended(database, held)).toEqual([]);
    expect(await begin(database, held)).toBeUndefined();
    expect(await release(database, held, 'dead')).toBe(false);
    expect(await everythingOf(database, taskId)).toEqual(before);
  });

  it('heeds the loser alone, where others of the same statement still have theirs', async () => {
    const { database, one, other } = given();
    for (let count = 0; count < 3; count += 1) await insertTask(database);
    const held = await one.tasks.claim(LANE, 3);
    const lost = held[1];
    await setDue(database, lost?.task.task_id ?? '', -1);
    await claimOne(other);
    const kept = held.filter((task) => task !== lost).map(({ task }) => task.task_id);
    kept.sort();
    expect((await extended(database, ...held)).toSorted()).toEqual(kept);
    const begun = await database.transaction((tx) => beginAttempts(tx, held.map(attemptOf), LEASE_MS));
    expect([...begun.keys()].toSorted()).toEqual(kept);
    const locked = await database.transaction((tx) => lockHeld(tx, held.map(keyOf)));
    expect([...locked.keys()].toSorted()).toEqual(kept);
  });
}

function writesDown(given: Given): void {
  it('postpones a task that is let go of, and ends the lease of who had it', async () => {
    const { database, one, other } = given();
    const taskId = await insertTask(database);
    await release(database, await claimOne(one), 'waiting', 1_500);
    expect(await claimedIds(other, LANE, 1)).toEqual([]);
    await sleep(1_600);
    expect(await claimedIds(other, LANE, 1)).toEqual([taskId]);
  });

  it('keeps a task whose end is rolled back', async () => {
    const { database, one, other } = given();
    const taskId = await insertTask(database);
    const held = await claimOne(one);
    const failing = database.transaction(async (tx) => {
      await releaseTasks(tx, [releaseOf(held, 'done', 0)]);
      throw new RangeError('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    expect(await extended(database, held)).toEqual([taskId]);
    expect(await claimedIds(other, LANE, 1)).toEqual([]);
  });

  it('tells a holder, whatever he writes, that the owner wants the upload no more', async () => {
    const { database, one } = given();
    const taskId = await insertTask(database);
    const held = await claimOne(one);
    await database.query('UPDATE ingester.tasks SET cancel_requested_at = 7 WHERE task_id = $1', [taskId]);
    const wish = { cancel_requested_at: 7 };
    const rows = await database.transaction((tx) => extendLeases(tx, [beatOf(held)], LEASE_MS));
    expect(rows).toMatchObject([{ task_id: taskId, ...wish }]);
    expect(await begin(database, held)).toMatchObject(wish);
    const locked = await database.transaction((tx) => lockHeld(tx, [keyOf(held)]));
    expect(locked.get(taskId)).toMatchObject(wish);
  });

  it('says how far a delivery is', async () => {
    const { database, one } = given();
    await insertTask(database);
    const held = await claimOne(one);
    await begin(database, held);
    await database.transaction((tx) => extendLeases(tx, [{ ...beatOf(held), bytes: 77 }], LEASE_MS));
    const rows = await database.query(
      'SELECT status, bytes_delivered FROM ingester.uploads WHERE upload_id = $1',
      [held.task.upload_id],
    );
    expect(rows).toMatchObject([{ status: 'delivering', bytes_delivered: 77 }]);
  });
}

function keepsCheckpoints(given: Given): void {
  it('keeps how far an upload is, for whoever claims its task next', async () => {
    const { database, one, other } = given();
    const taskId = await insertTask(database);
    const held = await claimOne(one);
    expect(held.task.checkpoint).toBeNull();
    expect(await checkpointed(database, held, 'part 3')).toBe(true);
    await release(database, held, 'waiting');
    const next = await claimOne(other);
    expect(next.task).toMatchObject({ task_id: taskId, checkpoint: 'part 3' });
    expect(await checkpointed(database, next, null)).toBe(true);
    await release(database, next, 'waiting');
    expect((await claimOne(one)).task.checkpoint).toBeNull();
  });
}

function meetsNobody(given: Given): void {
  it('lets all who write to the same tasks at once come to an end, in whatever order they name them', async () => {
    const { database, one } = given();
    for (let count = 0; count < 30; count += 1) await insertTask(database);
    const held = await one.tasks.claim(LANE, 30);
    const backwards = held.toReversed();
    const extendOften = async (): Promise<void> => {
      for (let time = 0; time < 30; time += 1)
        expect(await extended(database, ...backwards)).toHaveLength(30);
    };
    const lockOften = async (): Promise<void> => {
      for (let time = 0; time < 30; time += 1) {
        const locked = await database.transaction((tx) => lockHeld(tx, held.map(keyOf)));
        expect(locked.size).toBe(30);
      }
    };
    const beginOften = async (): Promise<void> => {
      for (let time = 0; time < 30; time += 1) {
        const attempts = (time % 2 ? held : backwards).map(attemptOf);
        const begun = await database.transaction((tx) => beginAttempts(tx, attempts, LEASE_MS * 10));
        expect(begun.size).toBe(30);
      }
    };
    await Promise.all([extendOften(), lockOften(), beginOften()]);
  });
}

type Key = Parameters<typeof lockHeld>[1][number];
type Attempt = Parameters<typeof beginAttempts>[1][number];
type Release = Parameters<typeof releaseTasks>[1][number];
type Beat = Parameters<typeof extendLeases>[1][number];

function keyOf({ task, holder }: ClaimedTask): Key {
  return { taskId: task.task_id, holder };
}

function beatOf(held: ClaimedTask): Beat {
  return { ...keyOf(held), uploadId: held.task.upload_id, bytes: undefined };
}

function attemptOf(held: ClaimedTask): Attempt {
  const { upload_id: uploadId } = held.task;
  return { ...keyOf(held), uploadId, target: TARGET, number: 1, isFirst: true, sends: true, ends: [] };
}

function releaseOf(held: ClaimedTask, state: Release['state'], delayMs: number): Release {
  return {
    ...keyOf(held),
    state,
    attempts: 1,
    target: null,
    reason: null,
    delayMs,
    inDoubt: false,
  };
}

/** The ids of the tasks that are still their holders'. */
async function extended(database: Database, ...held: ClaimedTask[]): Promise<string[]> {
  const rows = await database.transaction((tx) => extendLeases(tx, held.map(beatOf), LEASE_MS), {
    durable: false,
  });
  return rows.map(({ task_id: id }) => id);
}

/** True where the task was the holder's. */
async function checkpointed(
  database: Database,
  held: ClaimedTask,
  checkpoint: string | null,
): Promise<boolean> {
  const saved = await database.transaction((tx) =>
    saveCheckpoint(tx, { ...keyOf(held), checkpoint }, LEASE_MS),
  );
  return saved !== undefined;
}

async function begin(database: Database, held: ClaimedTask): Promise<object | undefined> {
  const begun = await database.transaction((tx) => beginAttempts(tx, [attemptOf(held)], LEASE_MS));
  return begun.get(held.task.task_id);
}

/** As a settlement does: true where the task was the holder's. */
function release(
  database: Database,
  held: ClaimedTask,
  state: Release['state'],
  delayMs = 0,
): Promise<boolean> {
  return database.transaction(async (tx) => {
    const locked = await lockHeld(tx, [keyOf(held)]);
    await releaseTasks(tx, [releaseOf(held, state, delayMs)]);
    return locked.size > 0;
  });
}

/** The task, its upload, and what is written down about both. */
async function everythingOf(database: Database, taskId: string): Promise<object[]> {
  const texts = [
    'SELECT * FROM ingester.tasks WHERE task_id = $1',
    'SELECT * FROM ingester.attempts WHERE task_id = $1',
    'SELECT uploads.* FROM ingester.uploads JOIN ingester.tasks ON tasks.upload_id = uploads.upload_id WHERE task_id = $1',
    'SELECT placements.* FROM ingester.placements JOIN ingester.tasks ON tasks.upload_id = placements.upload_id WHERE task_id = $1',
  ];
  const rows: object[] = [];
  for (const text of texts) rows.push(...(await database.query(text, [taskId])));
  return rows;
}
