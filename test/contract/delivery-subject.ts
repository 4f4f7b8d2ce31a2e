import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/database/database.service.js';
import type { Sql } from '../../src/database/sql.js';
import { insertTasks, type NewTask } from '../../src/delivery/ledger/task-rows.js';
import { insertFirstEvents, insertUploads } from '../../src/delivery/ledger/upload-rows.js';
import type { ClaimedTask } from '../../src/delivery/worker/held-task.js';
import type { DeliveryFloor } from '../support/delivery-floor.js';

/** A database with two processes on it; where only one can be, it is twice the same. */
export interface Subject {
  readonly one: DeliveryFloor;
  readonly other: DeliveryFloor;
  dispose(): Promise<void>;
}

/** Gives what is there during a test. */
export type Given = () => { one: DeliveryFloor; other: DeliveryFloor; database: Database };

/** Set for every process under test: long enough to work in, short enough to wait for. */
export const LEASE_MS = 2_000;

/** Nothing comes near it in a test. */
const MAX_AGE_MS = 3_600_000;

/** Writes an upload down, as large as a number can say. Gives its id; undefined where that is taken. */
export async function insertUpload(sql: Sql, uploadId: string = randomUUID()): Promise<string | undefined> {
  const file = {
    fileId: uploadId,
    originalFilename: 'a "b".bin',
    contentType: 'application/octet-stream',
    description: null,
    tags: ['x'],
    metadata: {},
    retentionPolicy: 'permanent',
    ttlDays: null,
    uploadedBy: 'alice',
    uploadedByUsername: null,
    uploadedAt: new Date(),
  } as const;
  const digest = { size: Number.MAX_SAFE_INTEGER, sha256: '' };
  const whence = { idIsCallers: false, spoolFile: null, spoolId: null, request: undefined };
  const upload = { uploadId, status: 'accepted', file, digest, ...whence } as const;
  const inserted = await insertUploads(sql, [upload]);
  if (inserted.size > 0) await insertFirstEvents(sql, [upload]);
  return inserted.get(uploadId)?.uploadId;
}

/** What a test may say of a task. */
export type TaskOptions = Partial<Pick<NewTask, 'lane' | 'spoolId' | 'inDoubt' | 'kind'>>;

/** Writes down an upload and a task that is due, in one transaction. Gives the id of the task. */
export async function insertTask(database: Database, options: TaskOptions = {}): Promise<string> {
  const taskId = randomUUID();
  const kept = {
    kind: 'delivery',
    lane: 'small-permanent',
    spoolId: '',
    inDoubt: false,
    ...options,
  } as const;
  await database.transaction(async (tx) => {
    const uploadId = (await insertUpload(tx)) ?? '';
    await insertTasks(tx, [{ taskId, uploadId, maxAgeMs: MAX_AGE_MS, ...kept }]);
  });
  return taskId;
}

/** Makes a task due so many milliseconds from now on, by the clock of the database. */
export async function setDue(sql: Sql, taskId: string, inMs: number): Promise<void> {
  await sql.query('UPDATE ingester.tasks SET due_at = ingester.now_ms() + $2::bigint WHERE task_id = $1', [
    taskId,
    inMs,
  ]);
}

/** Claims, and gives the ids of the tasks. */
export async function claimedIds({ tasks }: DeliveryFloor, lane: string, limit: number): Promise<string[]> {
  return (await tasks.claim(lane, limit)).map(({ task }) => task.task_id);
}

/** Claims the one task that is due. */
export async function claimOne({ tasks }: DeliveryFloor): Promise<ClaimedTask> {
  const claimed = await tasks.claim('small-permanent', 2);
  const [task] = claimed;
  if (!task || claimed.length > 1) throw new Error(`${claimed.length} tasks were claimed, and not one`);
  return task;
}
