import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTENDERS } from './contenders.js';
import { KIB, MIB, payloadSha256 } from './payload.js';
import { startPostgres } from './postgres.js';
import { startDisk } from './processes.js';

/** What is accepted; `files` is how many are in each measurement. */
export const ACCEPTING = {
  accepting: { title: 'Files of 1 MiB, 8 at a time', size: MIB, concurrency: 8, files: 1_000, warmUp: 50 },
  'accepting-small': {
    title: 'Files of 10 KiB, 32 at a time',
    size: 10 * KIB,
    concurrency: 32,
    files: 4_000,
    warmUp: 1_000,
    /** Accepted a second, or as many as the disk alone takes where those are fewer. */
    atLeast: 1_000,
  },
};

/** Time for the first promise to open its database. */
const OPENING_MS = 10_000;

/**
 * Settings with which no wait is measured instead of a speed: a circuit, a back-off, or the time that an element has to
 * finish a file which it has refused with 503 before, 30 s by default.
 */
const IMPATIENT = {
  STORAGE_CIRCUIT_RECOVERY_MS: '500',
  STORAGE_CIRCUIT_MAX_RECOVERY_MS: '500',
  STORAGE_COMMIT_TIMEOUT_MS: '1000',
  DELIVERY_BACKOFF_BASE_MS: '500',
  DELIVERY_BACKOFF_MAX_MS: '500',
};

/**
 * Measures uploads a second that are stored (201), accepted at the wish of the client and accepted in an outage (202),
 * and the deliveries a second when it is over, each beside what the disk takes; with SQLite and with PostgreSQL.
 */
export function measureAccepting(scenario, bench) {
  return onBoth(bench, scenario.title, (variables) => measureWith(scenario, bench, variables));
}

/** Measures with each database; `name` is of the folders. `measure` is given the variables of the service, and the server. */
export async function onBoth({ world }, name, measure) {
  const folder = (database) => join(world.folder, name.replaceAll(' ', '-'), database);
  const sqlite = await measure({ DATA_DIR: folder('sqlite') });
  const server = await startPostgres();
  try {
    const variables = { DATA_DIR: folder('postgres'), DATABASE_URL: server.url };
    return { sqlite, postgres: await measure(variables) };
  } finally {
    await server.stop();
  }
}

/** Starts our service, and gives what uploads `total` files to it, and how many it took a second. */
export async function startUploading({ world, client, tokens }, { size, concurrency }, variables) {
  const { start, request } = CONTENDERS.find(({ name }) => name === 'ours');
  const service = await start(world, { ...IMPATIENT, ...variables });
  world.sink.expect(size, payloadSha256(size));
  const upload = async (total, headers = []) => {
    const job = { ...request, name: 'ours', port: service.port, tokens, size, headers };
    const { seconds } = await client.load({ ...job, concurrency, total });
    return total / seconds;
  };
  return { service, upload };
}

async function measureWith(scenario, bench, variables) {
  const { sink } = bench.world;
  const files = bench.files ?? scenario.files;
  const { service, upload } = await startUploading(bench, scenario, variables);
  try {
    await upload(scenario.warmUp);
    const stored = await upload(files);
    const warmUp = sink.up(1);
    await upload(1, ['Prefer: respond-async']);
    await warmUp;
    await sleep(OPENING_MS);
    const wished = sink.up(files);
    const accepted = await upload(files, ['Prefer: respond-async']);
    await wished;
    sink.down();
    const outage = await upload(files);
    const deliveries = files / (await sink.up(files));
    const disk = await diskRate(scenario, files, join(variables.DATA_DIR, 'disk'));
    return { stored, accepted, outage, deliveries, disk };
  } finally {
    await service.stop();
  }
}

async function diskRate({ size, concurrency }, total, folder) {
  const disk = await startDisk();
  try {
    return (await disk.measure({ folder, bytes: size, concurrency, total })).perSecond;
  } finally {
    await disk.stop();
  }
}
