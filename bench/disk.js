/*
 * What the disk alone takes: files that are written and synced so many at a time, each group with one sync of their folder
 * and one of a log, as a group of accepted files has them. A process of its own, with the threads that Node has by itself.
 *
 * Message in: {folder, bytes, concurrency, total}. Message out: {perSecond}, or {error}.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { payloadBlock } from './payload.js';

async function measure({ folder, bytes, concurrency, total }) {
  const block = payloadBlock().subarray(0, bytes);
  await mkdir(folder, { recursive: true });
  const log = await open(join(folder, 'log'), 'w');
  const begin = process.hrtime.bigint();
  for (let written = 0; written < total; written += concurrency) {
    const names = Array.from(
      { length: Math.min(concurrency, total - written) },
      (_, at) => `${written + at}`,
    );
    await Promise.all(names.map((name) => keep(folder, name, block)));
    await syncFolder(folder);
    await log.write(block);
    await log.datasync();
  }
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  await log.close();
  await rm(folder, { recursive: true });
  return { perSecond: total / seconds };
}

async function keep(folder, name, block) {
  const file = await open(join(folder, `${name}.new`), 'w');
  await file.write(block);
  await file.sync();
  await file.close();
  await rename(join(folder, `${name}.new`), join(folder, name));
}

async function syncFolder(folder) {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}

process.on('message', (job) => {
  measure(job).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
