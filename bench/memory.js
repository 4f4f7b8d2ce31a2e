import { setTimeout as sleep } from 'node:timers/promises';
import { CONTENDERS } from './contenders.js';
import { GIB, MIB, payloadSha256 } from './payload.js';
import { forgetPeak, residentMemory } from './processes.js';

const UPLOADS = 200;
const FILE_BYTES = 50 * MIB;
const HUGE_BYTES = 4 * GIB;
/** One after the other, until the heap has the size that it keeps. */
const WARM_UP_UPLOADS = 20;
/** Time in which the held uploads fill every buffer on their way. */
const SETTLE_MS = 3_000;

/** Measures how much our service grows: by many uploads at once, and by one very large one. */
export async function measureMemory(bench) {
  const many = await withService(bench, manyAtOnce);
  const small = await withService(bench, (run) => oneFile(run, FILE_BYTES));
  const huge = await withService(bench, (run) => oneFile(run, HUGE_BYTES));
  return { many, small, huge };
}

async function withService({ world, client, tokens }, measure) {
  const { start, request } = CONTENDERS.find(({ name }) => name === 'ours');
  const service = await start(world);
  const upload = (size, count) => {
    const job = { ...request, name: 'ours', port: service.port, tokens, size };
    return client.load({ ...job, concurrency: count, total: count });
  };
  try {
    world.sink.expect(FILE_BYTES, payloadSha256(FILE_BYTES));
    for (let count = 0; count < WARM_UP_UPLOADS; count += 1) await upload(FILE_BYTES, 1);
    await sleep(500);
    return await measure({ service, sink: world.sink, upload });
  } finally {
    await service.stop();
  }
}

async function manyAtOnce({ service, sink, upload }) {
  await forgetPeak(service.pid);
  const before = await residentMemory(service.pid);
  const allBegun = sink.hold(UPLOADS);
  const allDone = upload(FILE_BYTES, UPLOADS);
  await Promise.race([allBegun, allDone]);
  await sleep(SETTLE_MS);
  const held = await residentMemory(service.pid);
  sink.release();
  await allDone;
  const { peak } = await residentMemory(service.pid);
  return {
    uploads: UPLOADS,
    before: before.now,
    held: held.now,
    peak,
    growthPerUpload: (peak - before.now) / UPLOADS,
  };
}

async function oneFile({ service, sink, upload }, size) {
  sink.expect(size, payloadSha256(size));
  await forgetPeak(service.pid);
  const before = await residentMemory(service.pid);
  await upload(size, 1);
  const { peak } = await residentMemory(service.pid);
  return { size, before: before.now, peak, growth: peak - before.now };
}
