/*
 * Loaded into the service with `--import`: counts the syncs of files and folders, the ways to the thread of SQLite and back,
 * and the commits there that wait for the disk, each of which syncs its log once. SIGUSR2 has them written to the file that
 * BENCH_COUNTS names.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread, Worker } from 'node:worker_threads';

const counts = { fileSyncs: 0, roundTrips: 0, databaseSyncs: 0 };
const sqlite = {
  answered: true,
  durable: true,
  inTransaction: false,
  hasWritten: false,
  known: new WeakSet(),
};

if (isMainThread) {
  countCalls(fs, ['fsync', 'fdatasync', 'fsyncSync', 'fdatasyncSync']);
  const handle = await fs.promises.open(process.execPath, 'r');
  countCalls(Object.getPrototypeOf(handle), ['sync', 'datasync']);
  await handle.close();
  syncBuiltinESMExports();
  const postMessage = Worker.prototype['postMessage'];
  Worker.prototype.postMessage = function post(message, ...others) {
    if (typeof message?.text === 'string') countStatement(this, message);
    return Reflect.apply(postMessage, this, [message, ...others]);
  };
  process.on('SIGUSR2', () => {
    fs.writeFileSync(`${process.env.BENCH_COUNTS}.new`, JSON.stringify(counts));
    fs.renameSync(`${process.env.BENCH_COUNTS}.new`, process.env.BENCH_COUNTS);
  });
}

function countCalls(owner, names) {
  for (const name of names) {
    const original = owner[name];
    owner[name] = function counted(...given) {
      counts.fileSyncs += 1;
      return original.apply(this, given);
    };
  }
}

/** Statements that are given together share one way. */
function countStatement(worker, { text, isDurable = sqlite.durable }) {
  if (!sqlite.known.has(worker)) {
    sqlite.known.add(worker);
    worker.on('message', () => {
      sqlite.answered = true;
    });
  }
  if (sqlite.answered) counts.roundTrips += 1;
  sqlite.answered = false;
  sqlite.durable = isDurable;
  countCommit(text);
}

function countCommit(text) {
  if (text.startsWith('BEGIN')) Object.assign(sqlite, { inTransaction: true, hasWritten: false });
  else if (text === 'ROLLBACK') sqlite.inTransaction = false;
  else if (text === 'COMMIT') endOf(sqlite.hasWritten);
  else if (/\b(INSERT|UPDATE|DELETE)\b/.test(text)) {
    sqlite.hasWritten = true;
    if (!sqlite.inTransaction) endOf(true);
  }
}

function endOf(hasWritten) {
  sqlite.inTransaction = false;
  if (sqlite.durable && hasWritten) counts.databaseSyncs += 1;
}
