import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Database } from '../../src/delivery/database/sql.js';
import { beginAttempt, endAttempts } from '../../src/delivery/ledger/task-checkpoints.js';
import { releaseTask } from '../../src/delivery/ledger/task-ends.js';
import { claimTask, insertTask } from '../../src/delivery/ledger/task-rows.js';
import type { TaskKind } from '../../src/delivery/task-kind.js';
import { changeUpload, insertUpload } from '../../src/delivery/ledger/upload-rows.js';
import { digestOf, TestSpool } from './accepted.js';

export interface LetterOptions {
  readonly kind?: TaskKind;
  readonly owner?: string;
  readonly reason?: string;
  readonly target?: string;
  readonly doubtfulTargets?: readonly string[];
  readonly unaskedTargets?: readonly string[];
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

/** Lets a task live and die as the worker does, through the ledger: one attempt, which failed with `reason`. */
export async function seedLetter(
  database: Database,
  dataDir: string,
  options: LetterOptions = {},
): Promise<SeededLetter> {
  const { kind = 'delivery', deadAt = new Date(), bytes = Buffer.from('hello'), file = true } = options;
  const [taskId, uploadId] = [randomUUID(), randomUUID()];
  const at = new Date(deadAt.getTime() - 60_000);
  const digest = digestOf(bytes);
  if (file && kind === 'delivery') await TestSpool.at(join(dataDir, 'spool')).accept(bytes, uploadId);
  await insertUpload(database, {
    uploadId,
    digest,
    file: descriptionOf(uploadId, options, at),
    ...whereabouts(kind, uploadId),
    at,
  });
  const deadline = new Date(at.getTime() + 3_600_000);
  const { doubtfulTargets = [], unaskedTargets = [] } = options;
  const { size } = digest;
  const task = { taskId, uploadId, kind, doubtfulTargets, unaskedTargets, size, at, deadline };
  await insertTask(database, task);
  await letDie(database, { taskId, uploadId }, options, { at, deadAt });
  return { taskId, uploadId };
}

/** A file waits in the spool for its delivery, and on an element for its registration. */
function whereabouts(
  kind: TaskKind,
  uploadId: string,
): Pick<Parameters<typeof insertUpload>[1], 'status' | 'spoolFile' | 'stored'> {
  return kind === 'delivery'
    ? { status: 'accepted', spoolFile: `${uploadId}.upload` }
    : { status: 'active', spoolFile: null, stored: { target: 'storage:se-01', fileId: uploadId } };
}

async function letDie(
  database: Database,
  { taskId, uploadId }: SeededLetter,
  { kind = 'delivery', reason = 'STORAGE_FAILED', target = 'storage:se-02', ...options }: LetterOptions,
  { at, deadAt }: { readonly at: Date; readonly deadAt: Date },
): Promise<void> {
  const { doubtfulTargets = [], unaskedTargets = [] } = options;
  const terms = { holder: randomUUID(), leaseMs: 60_000, at };
  await claimTask(database, taskId, terms);
  const begun = await beginAttempt(database, taskId, terms, { target, doubtfulTargets, number: 1 });
  const failed = { outcome: 'failed', code: reason, statusCode: 503, detail: 'The storage element failed.' };
  await endAttempts(database, [{ id: begun?.attempt_id ?? 0, endedAt: deadAt, ...failed }]);
  const doubts = { doubtfulTargets, unaskedTargets, handedOverAt: null };
  const end = { state: 'dead', attempts: 1, ...doubts, target: null, reason } as const;
  await releaseTask(database, taskId, terms.holder, { ...end, dueAt: deadAt, at: deadAt });
  if (kind === 'registration') return;
  await changeUpload(database, uploadId, { status: 'dead', data: { reason }, at: deadAt });
}

function descriptionOf(
  fileId: string,
  { owner = 'alice', originalFilename = 'a.txt', contentType = 'text/plain' }: LetterOptions,
  uploadedAt: Date,
): Parameters<typeof insertUpload>[1]['file'] {
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
