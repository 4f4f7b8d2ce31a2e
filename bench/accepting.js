import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTENDERS } from './contenders.js';
import { MIB, payloadSha256 } from './payload.js';
import { startPostgres } from './postgres.js';

const FILE_BYTES = MIB;
const CONCURRENCY = 8;
/** Files that are accepted while every storage element is down. */
const FILES = 1_000;
const WARM_UP = 50;
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
 * and the deliveries a second when it is over; with the embedded database and with PostgreSQL.
 */
export async function measureAccepting(bench) {
  const embedded = await measureWith(bench, { DATA_DIR: join(bench.world.folder, 'accepting') });
  const server = await startPostgres();
  try {
    const variables = { DATA_DIR: join(bench.world.folder, 'on-postgres'), DATABASE_URL: server.url };
    return { embedded, postgres: await measureWith(bench, variables) };
  } finally {
    await server.stop();
  }
}

async function measureWith({ world, client, tokens }, variables) {
  const { sink } = world;
  const { start, request } = CONTENDERS.find(({ name }) => name === 'ours');
  const service = await start(world, { ...IMPATIENT, ...variables });
  const upload = async (total, headers = []) => {
    const job = { ...request, name: 'ours', port: service.port, tokens, size: FILE_BYTES, headers };
    const { seconds } = await client.load({ ...job, concurrency: CONCURRENCY, total });
    return total / seconds;
  };
  try {
    sink.expect(FILE_BYTES, payloadSha256(FILE_BYTES));
    await upload(WARM_UP);
    const stored = await upload(FILES);
    const warmUp = sink.up(1);
    await upload(1, ['Prefer: respond-async']);
    await warmUp;
    await sleep(OPENING_MS);
    const wished = sink.up(FILES);
    const accepted = await upload(FILES, ['Prefer: respond-async']);
    await wished;
    sink.down();
    const outage = await upload(FILES);
    const deliveries = FILES / (await sink.up(FILES));
    return { stored, accepted, outage, deliveries };
  } finally {
    await service.stop();
  }
}
