/*
 * What the disk itself gives: files that are written and synced, with their folder and a line in a log, as one does who
 * keeps a promise. Those that wait for the folder, or for the log, share the next sync of it.
 *
 * Message in: {folder, size, total, concurrency}. Message out: {seconds}, or {error}.
 */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { payloadBlock } from './payload.js';

const LOG_BYTES_A_FILE = 1_000;
const block = payloadBlock();

/** One `work` at a time, for all who had asked before it began. */
class Shared {
  constructor(work) {
    this.work = work;
    this.next = undefined;
    this.last = Promise.resolve();
    this.asked = 0;
  }

  ask() {
    this.asked += 1;
    this.next ??= this.last.then(() => {
      const count = this.asked;
      this.next = undefined;
      this.asked = 0;
      this.last = this.work(count);
      return this.last;
    });
    return this.next;
  }
}

async function writeSynced(path, bytes) {
  const file = await open(path, 'wx');
  try {
    await file.write(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function run({ folder, size, total, concurrency }) {
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  const [directory, log] = await Promise.all([open(files), open(join(folder, 'log'), 'a')]);
  const folderSync = new Shared(() => directory.sync());
  const commit = new Shared(async (count) => {
    await log.write(block.subarray(0, count * LOG_BYTES_A_FILE));
    await log.datasync();
  });
  let started = 0;
  const keep = async () => {
    while (started < total) {
      started += 1;
      await writeSynced(join(files, String(started)), block.subarray(0, size));
      await folderSync.ask();
      await commit.ask();
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: concurrency }, keep));
  const seconds = (performance.now() - begin) / 1_000;
  await Promise.all([directory.close(), log.close()]);
  await rm(folder, { recursive: true });
  return { seconds };
}

process.on('message', (job) => {
  run(job).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
