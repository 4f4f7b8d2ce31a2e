import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onBoth, startUploading } from './accepting.js';
import { KIB } from './payload.js';
import { residentMemory, startBacklog } from './processes.js';

const TITLE = 'backlog';
/** Accepted files that wait, unless the run says otherwise. */
const BACKLOG_FILES = 200_000;
const BACKLOG_BYTES = 100;
/** What a service without a backlog has: as many as are claimed. */
const FEW_FILES = 640;
const CLAIMS = 20;

const UPLOAD = { size: 10 * KIB, concurrency: 32 };
const UPLOADS = 2_000;
const WARM_UP = 200;
const PROBES = 50;
/** Time in which the service sees what is in its spool. */
const SETTLE_MS = 10_000;
const LIMITS = { poolSize: 4, connectTimeoutMs: 30_000, statementTimeoutMs: 120_000 };

/**
 * Measures a service that has next to nothing to deliver beside one with a backlog of accepted files: how fast it accepts,
 * claims, and answers those who look at it, and the memory that it takes.
 */
export async function measureBacklog(bench) {
  const files = bench.files ?? BACKLOG_FILES;
  const few = await onBoth(bench, `${TITLE}-few`, (variables) => measureWith(bench, variables, FEW_FILES));
  const many = await onBoth(bench, `${TITLE}-many`, (variables) => measureWith(bench, variables, files));
  return { files, few, many };
}

async function measureWith(bench, variables, files) {
  const spool = join(variables.DATA_DIR, 'spool');
  const claims = await writeBacklog(variables, spool, files);
  const { service, upload } = await startUploading(bench, UPLOAD, {
    ...variables,
    SPOOL_DIR: spool,
    SPOOL_MIN_FREE_BYTES: '0',
  });
  const url = `http://127.0.0.1:${service.port}`;
  try {
    bench.world.sink.down();
    await upload(WARM_UP, ['Prefer: respond-async']);
    await sleep(SETTLE_MS);
    const memory = (await residentMemory(service.pid)).now;
    const ready = await medianMs(`${url}/health/ready`);
    const metrics = await medianMs(`${url}/metrics`);
    const accepted = await upload(UPLOADS, ['Prefer: respond-async']);
    const loaded = (await residentMemory(service.pid)).now;
    return { accepted, claim: claims.claimMs, metrics, ready, memory, loaded };
  } finally {
    await service.stop();
  }
}

async function writeBacklog({ DATA_DIR, DATABASE_URL }, spool, files) {
  const writer = await startBacklog();
  const location = DATABASE_URL ? { url: DATABASE_URL, ...LIMITS } : join(DATA_DIR, 'database.sqlite');
  try {
    return await writer.measure({ location, spool, files, bytes: BACKLOG_BYTES, claims: CLAIMS });
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
