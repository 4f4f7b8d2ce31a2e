import { CONTENDERS } from './contenders.js';
import { processorTime } from './processes.js';
import { KIB, MIB, payloadSha256 } from './payload.js';

/** One scenario of throughput: what is sent, what is counted, and what our service must reach. */
export const THROUGHPUT = {
  large: {
    title: 'Large files: 256 MiB, 2 at a time',
    unit: 'MB/s',
    size: 256 * MIB,
    concurrency: 2,
    total: 4,
    warmUp: 2,
    figure: (bytes, _requests, seconds) => bytes / 1e6 / seconds,
    targets: [
      { against: 'bare-pipe', atLeast: 0.8 },
      { against: 'multer', atLeast: 2 },
    ],
  },
  small: {
    title: 'Small files: 10 KiB, 32 at a time',
    unit: 'requests/s',
    size: 10 * KIB,
    concurrency: 32,
    total: 4000,
    warmUp: 4000,
    figure: (_bytes, requests, seconds) => requests / seconds,
    targets: [{ against: 'bare-pipe', atLeast: 0.6 }],
  },
};

/**
 * Measures every contender once a round, in an order that turns by one each round, so that what else the
 * machine does falls on all alike. Resolves to the figures of each contender, and to the processor time in
 * milliseconds that its server used for one upload.
 */
export async function measureThroughput(scenario, { world, client, tokens, rounds, only }) {
  world.sink.expect(scenario.size, payloadSha256(scenario.size));
  const contenders = CONTENDERS.filter(({ name }) => only.length === 0 || only.includes(name));
  const running = [];
  try {
    for (const contender of contenders) {
      running.push({ ...contender, server: await contender.start(world), figures: [], cpu: [] });
    }
    const run = (contender, total) => load(scenario, contender, { client, tokens, total });
    for (const contender of running) await run(contender, scenario.warmUp);
    for (let round = 0; round < rounds; round += 1) {
      const turn = round % running.length;
      for (const contender of [...running.slice(turn), ...running.slice(0, turn)]) {
        await measureRound(scenario, contender, () => run(contender, scenario.total));
      }
    }
  } finally {
    for (const { server } of running) await server.stop();
  }
  return running.map(({ name, figures, cpu }) => ({ name, figures, cpu }));
}

async function measureRound({ total, size, figure }, { server, figures, cpu }, run) {
  const before = await processorTime(server.pid);
  const { seconds } = await run();
  const after = await processorTime(server.pid);
  figures.push(figure(total * size, total, seconds));
  const perUpload = (thread) => ((after[thread] - before[thread]) * 1000) / total;
  cpu.push({ main: perUpload('main'), all: perUpload('all') });
}

function load(scenario, { name, request, server }, { client, tokens, total }) {
  return client.load({
    ...request,
    name,
    port: server.port,
    tokens: request.path === '/api/v1/files/upload' ? tokens : [],
    size: scenario.size,
    concurrency: scenario.concurrency,
    total,
  });
}
