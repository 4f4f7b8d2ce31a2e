import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ACCEPTING, onBoth, startUploading } from './accepting.js';
import { startCountingProxy } from './counting-proxy.js';

const COUNTING = new URL('./counting.js', import.meta.url).href;
const FILES = 4_000;
const WARM_UP = 200;
/** Longer than the accepting takes, so that a file is tried once with it, and meets an open circuit. */
const RECOVERY_MS = '20000';
/** PostgreSQL tells what its processes did a second late. */
const SETTLE_MS = 2_000;

/**
 * Counts what a file costs: syncs of files and folders, syncs of the database, ways to the database and back; for files
 * that are accepted in an outage, and for their deliveries when it is over. As many at once share some of it.
 */
export function measureCosts(bench) {
  return onBoth(bench, 'costs', (variables) =>
    variables.DATABASE_URL ? behindProxy(bench, variables) : measureWith(bench, variables),
  );
}

async function behindProxy(bench, variables) {
  const proxy = await startCountingProxy(variables.DATABASE_URL);
  const server = new Client({ connectionString: variables.DATABASE_URL });
  await server.connect();
  const countServer = async () => {
    const { rows } = await server.query(
      "SELECT sum(fsyncs)::int AS syncs FROM pg_stat_io WHERE object = 'wal'",
    );
    return { roundTrips: proxy.counts.roundTrips, databaseSyncs: rows[0].syncs };
  };
  try {
    return await measureWith(bench, { ...variables, DATABASE_URL: proxy.url }, countServer);
  } finally {
    await server.end();
    proxy.stop();
  }
}

/** `countServer` counts what cannot be counted in the service. */
async function measureWith(bench, variables, countServer = () => Promise.resolve({})) {
  const { world } = bench;
  const files = bench.files ?? FILES;
  const BENCH_COUNTS = join(world.folder, `counts-${variables.DATABASE_URL ? 'postgres' : 'sqlite'}.json`);
  const counting = { ...bench, world: { ...world, nodeArgs: [...world.nodeArgs, '--import', COUNTING] } };
  const patience = {
    STORAGE_CIRCUIT_RECOVERY_MS: RECOVERY_MS,
    STORAGE_CIRCUIT_MAX_RECOVERY_MS: RECOVERY_MS,
    DELIVERY_BACKOFF_BASE_MS: RECOVERY_MS,
    DELIVERY_BACKOFF_MAX_MS: RECOVERY_MS,
  };
  const scenario = ACCEPTING['accepting-small'];
  const { service, upload } = await startUploading(counting, scenario, {
    ...variables,
    ...patience,
    BENCH_COUNTS,
  });
  const count = async () => ({ ...(await countsOf(service.pid, BENCH_COUNTS)), ...(await countServer()) });
  try {
    world.sink.down();
    await upload(WARM_UP);
    const before = await count();
    await upload(files);
    const between = await count();
    await world.sink.up(WARM_UP + files);
    const after = await count();
    return {
      accepted: perFile(before, between, files),
      delivered: perFile(between, after, WARM_UP + files),
    };
  } finally {
    await service.stop();
  }
}

async function countsOf(pid, file) {
  await sleep(SETTLE_MS);
  await rm(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text !== '') return JSON.parse(text);
    await sleep(20);
  }
}

function perFile(before, after, files) {
  return Object.fromEntries(Object.keys(after).map((key) => [key, (after[key] - before[key]) / files]));
}
