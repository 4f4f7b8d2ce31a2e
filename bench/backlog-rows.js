/*
 * A backlog of accepted files, written down as the built service does, but many at once and without waiting for the disk.
 * No service may run meanwhile, as SQLite is one process's.
 *
 * Messages in: {location, write: {spool, files, bytes, claims}} writes files, which then wait for an hour, and measures
 * claims of them; {location, dueInMs} has all that wait due. Message out: {claimMs, claimed}, the median and the sum of the
 * claims; or {error}.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answerJobs } from './answer-jobs.js';
import { payloadBlock } from './payload.js';

const ROWS_AT_ONCE = 500;
const CLAIM_LIMIT = 32;
const LEASE_MS = 30_000;
const HOUR_MS = 3_600_000;
const LANE = 'small-temporary';
const YEAR_MS = 365 * 86_400_000;

// As the service: it would close what is open to others, file by file, when it starts.
process.umask(0o077);

/** From the build, and not by a literal: the checks of this repository run without one. */
const built = (name) => import(new URL(`../dist/${name}.js`, import.meta.url).href);

async function measure({ location, write, dueInMs = HOUR_MS }) {
  const { openDatabase } = await built('database/open-database');
  const database = await openDatabase(location);
  try {
    if (write) await writeBacklog(database, write);
    const claimed = write ? await claimTimes(database, write) : {};
    await database.query(
      `UPDATE ingester.tasks SET state = 'waiting', lease_owner = NULL, due_at = ingester.now_ms() + $1::bigint
      WHERE state IN ('waiting', 'running')`,
      [dueInMs],
    );
    return claimed;
  } finally {
    await database.close();
  }
}

async function writeBacklog(database, { spool, files, bytes }) {
  const block = payloadBlock().subarray(0, bytes);
  const digest = { size: bytes, sha256: createHash('sha256').update(block).digest('hex') };
  const [{ databaseId }] = await database.query('SELECT database_id AS "databaseId" FROM ingester.identity');
  const { newAcceptedFile } = await built('delivery/spool/accepted-file');
  const { spoolIdOf } = await built('replicas/spool-id');
  const spoolId = await spoolIdOf(spool);
  await mkdir(join(spool, 'accepted'), { recursive: true });
  for (let written = 0; written < files; written += ROWS_AT_ONCE) {
    const length = Math.min(ROWS_AT_ONCE, files - written);
    const uploads = Array.from({ length }, () => {
      return { ...newUpload(digest, databaseId, newAcceptedFile), spoolId };
    });
    await Promise.all(uploads.map(({ spoolFile }) => writeFile(join(spool, 'accepted', spoolFile), block)));
    await database.transaction((tx) => insert(tx, uploads), { durable: false });
  }
}

function newUpload(digest, databaseId, newAcceptedFile) {
  const uploadId = randomUUID();
  const file = {
    fileId: uploadId,
    originalFilename: 'bench.bin',
    contentType: 'application/octet-stream',
    description: null,
    tags: [],
    metadata: {},
    retentionPolicy: 'temporary',
    ttlDays: 30,
    uploadedBy: 'bench',
    uploadedByUsername: null,
    uploadedAt: new Date(),
  };
  const of = { uploadId, databaseId, bytes: digest.size, acceptedAtMs: Date.now() };
  const { name: spoolFile } = newAcceptedFile(of);
  return { uploadId, idIsCallers: false, status: 'accepted', file, digest, spoolFile };
}

async function insert(tx, uploads) {
  const { insertFirstEvents, insertUploads } = await built('delivery/ledger/upload-rows');
  const { insertSpoolFiles } = await built('delivery/ledger/spool-file-rows');
  const { insertTasks } = await built('delivery/ledger/task-rows');
  await insertUploads(tx, uploads);
  await insertFirstEvents(tx, uploads);
  await insertSpoolFiles(
    tx,
    uploads.map(({ uploadId, spoolFile }) => ({ uploadId, name: spoolFile })),
  );
  const task = {
    kind: 'delivery',
    lane: LANE,
    spoolId: uploads[0].spoolId,
    inDoubt: false,
    maxAgeMs: YEAR_MS,
  };
  await insertTasks(
    tx,
    uploads.map(({ uploadId }) => ({ ...task, uploadId, taskId: randomUUID() })),
  );
}

/** With a file or two there is little to claim, and the statement takes its time all the same. */
async function claimTimes(database, { claims, spool }) {
  const { spoolIdOf } = await built('replicas/spool-id');
  const spoolId = await spoolIdOf(spool);
  const { claimTasks } = await built('delivery/ledger/task-claims');
  const times = [];
  let claimed = 0;
  for (let turn = 0; turn < claims; turn += 1) {
    const begin = performance.now();
    const claim = { lane: LANE, spoolId, limit: CLAIM_LIMIT, leaseMs: LEASE_MS, holder: randomUUID() };
    const tasks = await database.transaction((tx) => claimTasks(tx, claim), { durable: false });
    times.push(performance.now() - begin);
    claimed += tasks.length;
  }
  times.sort((one, other) => one - other);
  return { claimMs: times[Math.floor(claims / 2)], claimed };
}

answerJobs(measure);
