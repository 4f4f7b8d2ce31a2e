import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { gatewayPath, startGateway } from '../test/support/versity-gateway.ts';
import { baseline, OUR_RAW, RAW, startOurs } from './contenders.js';
import { KIB, MIB } from './payload.js';
import { forgetPeak, residentMemory } from './processes.js';
import { judgeThroughput, mib, printThroughput } from './report.js';
import { load, measureRounds, megabytesPerSecond, requestsPerSecond, whileServing } from './throughput.js';

const SMALL = {
  title: 'S3, small files: 10 KiB, 32 at a time',
  unit: 'requests/s',
  size: 10 * KIB,
  concurrency: 32,
  total: 1500,
  warmUp: 500,
  figure: requestsPerSecond,
  targets: [{ against: 'aws-sdk', atLeast: 1.5 }],
};

const LARGE = {
  title: 'S3, large files: 256 MiB, 2 at a time',
  unit: 'MB/s',
  size: 256 * MIB,
  concurrency: 2,
  total: 2,
  warmUp: 2,
  figure: megabytesPerSecond,
  targets: [{ against: 'aws-sdk', atLeast: 0.8 }],
  /** Else a run would fill the disk. */
  forgets: true,
};

const [BUCKET, REGION] = ['bench', 'us-east-1'];

/** Measures our service with its S3 driver beside a server that uses the SDK of AWS, at the same store. */
export async function measureS3(bench) {
  if (!existsSync(gatewayPath())) throw new Error('no S3 store is here: `npm run test:s3` builds one');
  const store = await startGateway();
  const sdk = new S3Client({ ...store, region: REGION, forcePathStyle: true });
  try {
    await sdk.send(new CreateBucketCommand({ Bucket: BUCKET }));
    return await whileServing(contenders(bench.world, store, sdk), bench.world, async (running) => ({
      small: await measureRounds(SMALL, running, bench),
      large: await measureRounds(LARGE, running, bench),
      memory: await measureMemory(running, bench),
    }));
  } finally {
    sdk.destroy();
    await store.close();
  }
}

function contenders(world, { endpoint, credentials }, sdk) {
  const keys = {
    S3_ACCESS_KEY_ID: credentials.accessKeyId,
    S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const plain = { S3_ENDPOINT: endpoint, S3_REGION: REGION, S3_BUCKET: BUCKET, ...keys };
  const at = { driver: 's3', endpoint, region: REGION, bucket: BUCKET };
  const elements = ['edit', 'rw'].map((mode) => Object.assign({ id: mode, prefix: mode, mode }, at));
  const variables = {
    DATA_DIR: join(world.folder, 's3'),
    STORAGE_ELEMENTS: JSON.stringify(elements),
    ...keys,
  };
  const forget = () => removeLarge(sdk);
  return [
    { name: 'aws-sdk', request: RAW, start: () => baseline(world, 'aws-sdk.js', plain), forget },
    { name: 'ours', request: OUR_RAW, start: () => startOurs(world, variables), forget },
  ];
}

/** The highest resident memory while large files come. */
async function measureMemory(running, bench) {
  const rows = [];
  for (const contender of running) {
    const { pid } = contender.server;
    await forgetPeak(pid);
    const before = await residentMemory(pid);
    await load(LARGE, contender, { ...bench, total: LARGE.total });
    const { peak } = await residentMemory(pid);
    rows.push({ name: contender.name, before: before.now, peak });
  }
  return rows;
}

async function removeLarge(sdk) {
  let token;
  do {
    const page = await sdk.send(new ListObjectsV2Command({ Bucket: BUCKET, ContinuationToken: token }));
    const large = (page.Contents ?? []).filter(({ Size }) => Size === LARGE.size);
    const Objects = large.map(({ Key }) => ({ Key }));
    if (Objects.length > 0) await sdk.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }));
    token = page.NextContinuationToken;
  } while (token);
}

export function judgeS3({ small, large, memory }) {
  const tables = [judgeThroughput(SMALL, small), judgeThroughput(LARGE, large)];
  return { tables, memory, verdicts: tables.flatMap(({ verdicts }) => verdicts) };
}

export function printS3({ tables, memory }) {
  for (const table of tables) printThroughput(table);
  console.log('\nS3: large files (resident)');
  for (const { name, before, peak } of memory)
    console.log(`  ${name.padEnd(14)} before ${mib(before)}, peak ${mib(peak)}`);
}
