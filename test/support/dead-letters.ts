import type { NewPlacement } from '../../src/delivery/placement.js';
import { spoolIdOf } from '../../src/replicas/spool-id.js';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Sql, SqlDatabase } from '../../src/database/sql.js';
import { laneOf } from '../../src/delivery/lanes.js';
import { endAttempts, insertAttempts } from '../../src/delivery/ledger/attempt-rows.js';
import { insertPlacements } from '../../src/delivery/ledger/placement-rows.js';
import { releaseTasks } from '../../src/delivery/ledger/task-ends.js';
import { insertTasks } from '../../src/delivery/ledger/task-rows.js';
import {
  changeUploads,
  insertFirstEvents,
  insertUploads,
  type NewUpload,
} from '../../src/delivery/ledger/upload-rows.js';
import { digestOf, TestSpool } from './accepted.js';

export interface LetterOptions {
  readonly kind?: string;
  readonly owner?: string;
  readonly reason?: string;
  readonly target?: string;
  readonly doubtfulTargets?: readonly string[];
  readonly deadAt?: Date;
  readonly bytes?: Buffer;
  readonly originalFilename?: string;
  readonly contentType?: string;
  /** Without it, the row promises a file that is not there. */
  readonly file?: boolean;
}

export interface SeededLetter {
  readonly taskId: string;
  readonly uploadId: string;
}

/** How long ago a letter was accepted when it died, and how long it might have been tried. */
const LIFE_MS = 60_000;
const MAX_AGE_MS = 3_600_000;
const LARGE_BYTES = 1_000_000;

/** Lets a task live and die as the worker does, through the ledger: one attempt, which failed with `reason`. */
export async function seedLetter(
  database: Pick<SqlDatabase, 'transaction'>,
  dataDir: string,
  options: LetterOptions = {},
): Promise<SeededLetter> {
  const { kind = 'delivery', bytes = Buffer.from('hello'), file = true } = options;
  const letter = { taskId: randomUUID(), uploadId: randomUUID() };
  const keeps = file && kind === 'delivery';
  const spoolFile = keeps
    ? await TestSpool.at(join(dataDir, 'spool')).accept(bytes, letter.uploadId)
    : 'missing';
  const spoolId = await spoolIdOf(join(dataDir, 'spool'));
  await database.transaction(async (tx) => {
    await write(tx, { ...letter, spoolFile, spoolId }, options, bytes);
    await letDie(tx, letter, options);
    await moveTo(tx, letter, options.deadAt ?? new Date());
  });
  return letter;
}

/** The file of a letter, and the spool that it lies in. */
interface Spooled {
  readonly spoolFile: string;
  readonly spoolId: string;
}

const placed = (targets: readonly string[]): NewPlacement[] =>
  targets.map((target) => ({ target, unverified: false, answered: true }));

async function write(
  tx: Sql,
  { taskId, uploadId, ...spooled }: SeededLetter & Spooled,
  options: LetterOptions,
  bytes: Buffer,
): Promise<void> {
  const { kind = 'delivery', deadAt = new Date(), doubtfulTargets = [] } = options;
  const upload = {
    uploadId,
    digest: digestOf(bytes),
    file: descriptionOf(uploadId, options, new Date(deadAt.getTime() - LIFE_MS)),
    idIsCallers: true,
    request: undefined,
    ...whereabouts(kind, uploadId, spooled),
  };
  await insertUploads(tx, [upload]);
  await insertFirstEvents(tx, [upload]);
  const lane = kind === 'delivery' ? laneOf(bytes.length, 'temporary', LARGE_BYTES) : kind;
  const spoolId = kind === 'delivery' ? spooled.spoolId : '';
  await insertTasks(tx, [{ taskId, uploadId, kind, lane, spoolId, inDoubt: false, maxAgeMs: MAX_AGE_MS }]);
  await insertPlacements(tx, [{ uploadId, placements: placed(doubtfulTargets) }]);
}

/** A file waits in the spool for its delivery, and on an element for its registration. */
function whereabouts(
  kind: string,
  uploadId: string,
  spooled: Spooled,
): Pick<NewUpload, 'status' | 'spoolFile' | 'spoolId' | 'stored'> {
  return kind === 'delivery'
    ? { status: 'accepted', ...spooled }
    : {
        status: 'active',
        spoolFile: null,
        spoolId: null,
        stored: { target: 'storage:se-01', fileId: uploadId },
      };
}

async function letDie(
  tx: Sql,
  { taskId, uploadId }: SeededLetter,
  { kind = 'delivery', reason = 'STORAGE_FAILED', target = 'storage:se-02', ...options }: LetterOptions,
): Promise<void> {
  const { doubtfulTargets = [] } = options;
  const holder = randomUUID();
  await tx.query(
    `UPDATE ingester.tasks SET state = 'running', lease_owner = $2, target = $3 WHERE task_id = $1`,
    [taskId, holder, target],
  );
  const ids = await insertAttempts(tx, [{ taskId, number: 1, target }]);
  const failed = { outcome: 'failed', code: reason, statusCode: 503, detail: 'The storage element failed.' };
  await endAttempts(tx, [{ id: ids.get(taskId) ?? 0, ...failed }]);
  const inDoubt = doubtfulTargets.length > 0;
  const end = { state: 'dead', attempts: 1, target: null, reason, delayMs: 0, inDoubt } as const;
  await releaseTasks(tx, [{ taskId, holder, ...end }]);
  if (kind === 'delivery') await changeUploads(tx, [{ uploadId, status: 'dead', data: { reason } }]);
}

/** As if all of it had come to its end at `deadAt`. */
async function moveTo(tx: Sql, { taskId, uploadId }: SeededLetter, deadAt: Date): Promise<void> {
  const died = deadAt.getTime();
  const began = died - LIFE_MS;
  await tx.query(
    `UPDATE ingester.tasks SET dead_at = $2, updated_at = $2, created_at = $3, waiting_since = $3, deadline = $4,
      doubt_since = CASE WHEN doubt_since IS NOT NULL THEN $3::bigint END WHERE task_id = $1`,
    [taskId, died, began, began + MAX_AGE_MS],
  );
  await tx.query('UPDATE ingester.attempts SET started_at = $2, ended_at = $3 WHERE task_id = $1', [
    taskId,
    began,
    died,
  ]);
  await tx.query('UPDATE ingester.uploads SET created_at = $2, updated_at = $3 WHERE upload_id = $1', [
    uploadId,
    began,
    died,
  ]);
}

function descriptionOf(
  fileId: string,
  { owner = 'alice', originalFilename = 'a.txt', contentType = 'text/plain' }: LetterOptions,
  uploadedAt: Date,
): NewUpload['file'] {
  return {
    fileId,
    originalFilename,
    contentType,
    description: null,
    tags: [],
    metadata: {},
    retentionPolicy: 'temporary',
    ttlDays: 30,
    uploadedBy: owner,
    uploadedByUsername: null,
    uploadedAt,
  };
}
