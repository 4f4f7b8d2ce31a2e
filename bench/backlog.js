import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onBoth, startUploading } from './accepting.js';
import { KIB } from './payload.js';
import { residentMemory, startBacklog } from './processes.js';

const TITLE = 'backlog';
/** Accepted files that wait, unless the run says otherwise. */
const BACKLOG_FILES = 200_000;
/** What a service without a backlog has: as many as are claimed. */
const FEW_FILES = 640;
const CLAIMS = 20;

const UPLOAD = { size: 10 * KIB, concurrency: 32 };
const UPLOADS = 2_000;
const WARM_UP = 200;
const PROBES = 50;
/** Time in which the service sees what is in its spool. */
const SETTLE_MS = 10_000;
/** Of the backlog, how much is delivered while one replica works, and as much again with two: most, and a part of all. */
const MOST_DRAINED = 20_000;
const DRAINED_PART = 3;
/** Longer than the service takes to start. */
const DRAIN_IN_MS = 5_000;
const LIMITS = { poolSize: 4, connectTimeoutMs: 30_000, statementTimeoutMs: 120_000 };

/**
 * Measures a service that has next to nothing to deliver beside one with a backlog of accepted files: how fast it accepts,
 * claims, and answers those who look at it, the memory that it takes, and how fast it delivers some of them; on PostgreSQL
 * with two replicas as well.
 */
export async function measureBacklog(bench) {
  const files = bench.files ?? BACKLOG_FILES;
  const few = await onBoth(bench, `${TITLE}-few`, (variables) => measureWith(bench, variables, FEW_FILES));
  const many = await onBoth(bench, `${TITLE}-many`, (variables) => measureWith(bench, variables, files));
  return { files, few, many };
}

async function measureWith(bench, variables, files) {
  const spool = join(variables.DATA_DIR, 'spool');
  const settings = { ...variables, SPOOL_DIR: spool, SPOOL_MIN_FREE_BYTES: '0' };
  const { claimMs } = await inLedger(variables, {
    write: { spool, files, bytes: UPLOAD.size, claims: CLAIMS },
  });
  bench.world.sink.down();
  const waiting = await whileRunning(bench, settings, measureWaiting);
  await inLedger(variables, { dueInMs: DRAIN_IN_MS });
  const part = Math.min(MOST_DRAINED, Math.floor((files + WARM_UP + UPLOADS) / DRAINED_PART));
  const drained = await whileRunning(bench, settings, (running) =>
    measureDrain(bench, settings, { ...running, part }),
  );
  return { claim: claimMs, ...waiting, ...drained };
}

async function measureWaiting({ service, upload }) {
  const url = `http://127.0.0.1:${service.port}`;
  await upload(WARM_UP, ['Prefer: respond-async']);
  await sleep(SETTLE_MS);
  const memory = (await residentMemory(service.pid)).now;
  const ready = await medianMs(`${url}/health/ready`);
  const metrics = await medianMs(`${url}/metrics`);
  const accepted = await upload(UPLOADS, ['Prefer: respond-async']);
  const loaded = (await residentMemory(service.pid)).now;
  return { accepted, metrics, ready, memory, loaded };
}

async function measureDrain(bench, settings, { service, part }) {
  const drainOnce = async () => part / (await bench.world.sink.up(part));
  const drain = await drainOnce();
  const drained = (await residentMemory(service.pid)).peak;
  // SQLite is one process's.
  if (!settings.DATABASE_URL) return { drain, drained };
  const other = { ...settings, DATA_DIR: `${settings.DATA_DIR}-two` };
  return { drain, drained, both: await whileRunning(bench, other, drainOnce) };
}

async function whileRunning(bench, settings, measure) {
  const running = await startUploading(bench, UPLOAD, settings);
  try {
    return await measure(running);
  } finally {
    await running.service.stop();
  }
}

/** Does one job with the rows of a service that does not run. */
async function inLedger({ DATA_DIR, DATABASE_URL }, job) {
  const writer = await startBacklog();
  const location = DATABASE_URL ? { url: DATABASE_URL, ...LIMITS } : join(DATA_DIR, 'database.sqlite');
  try {
    return await writer.measure({ location, ...job });
  } finally {
    await writer.stop();
  }
}

/** One after the other; the reports that are read may be some seconds old, so that the first one counts as well. */
async function medianMs(url) {
  const times = [];
  for (let turn = 0; turn < PROBES; turn += 1) {
    const begin = performance.now();
    const answer = await fetch(url);
    await answer.text();
    times.push(performance.now() - begin);
    if (answer.status >= 500 && !url.endsWith('/ready'))
      throw new Error(`${url} is answered ${answer.status}`);
  }
  const [first] = times;
  times.sort((one, other) => one - other);
  return { first, median: times[Math.floor(PROBES / 2)], longest: times.at(-1) };
}
