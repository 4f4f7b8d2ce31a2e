import { join } from 'node:path';
import { MULTIPART, startOurs } from './contenders.js';
import { payloadSha256 } from './payload.js';
import { startCollector } from './processes.js';
import { judgeThroughput, printThroughput } from './report.js';
import { measureRounds, THROUGHPUT, whileServing } from './throughput.js';

/** What our service must keep of its figures while it traces every upload. */
const LOADS = [
  { ...THROUGHPUT.large, targets: [{ against: 'untraced', atLeast: 0.95 }] },
  { ...THROUGHPUT.small, targets: [{ against: 'untraced', atLeast: 0.85 }] },
];

/** Measures our service with every upload traced, and a collector that takes all, beside itself without traces. */
export async function measureTraces(bench) {
  const collector = await startCollector();
  try {
    const measured = [];
    for (const load of LOADS) {
      bench.world.sink.expect(load.size, payloadSha256(load.size));
      const rounds = await whileServing(contenders(collector), bench.world, (running) =>
        measureRounds(load, running, bench),
      );
      // The rest is sent when the service ends.
      measured.push({ load, rounds, bytes: await collector.taken() });
    }
    return measured;
  } finally {
    await collector.stop();
  }
}

function contenders({ url }) {
  return [contender('untraced', {}), contender('ours', { OTEL_EXPORTER_OTLP_ENDPOINT: url })];
}

function contender(name, variables) {
  return {
    name,
    request: MULTIPART,
    start: (world) => startOurs(world, { DATA_DIR: join(world.folder, name), ...variables }),
  };
}

export function judgeTraces(measured) {
  const loads = measured.map(({ load, rounds, bytes }) => {
    if (bytes === 0) throw new Error('no traces came to the collector');
    return { ...judgeThroughput(load, rounds), bytes };
  });
  return { loads, verdicts: loads.flatMap(({ verdicts }) => verdicts) };
}

export function printTraces({ loads }) {
  for (const { bytes, ...load } of loads) {
    printThroughput({ ...load, title: `Traces. ${load.title}` });
    console.log(`        the collector took ${(bytes / 1e6).toFixed(2)} MB of spans`);
  }
}
