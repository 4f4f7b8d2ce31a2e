import { CONTENDERS } from './contenders.js';
import { processorTime } from './processes.js';
import { KIB, MIB, payloadSha256 } from './payload.js';

export const megabytesPerSecond = (bytes, _requests, seconds) => bytes / 1e6 / seconds;
export const requestsPerSecond = (_bytes, requests, seconds) => requests / seconds;

/** One scenario of throughput: what is sent, what is counted, and what our service must reach. */
export const THROUGHPUT = {
  large: {
    title: 'Large files: 256 MiB, 2 at a time',
    unit: 'MB/s',
    size: 256 * MIB,
    concurrency: 2,
    total: 4,
    warmUp: 2,
    figure: megabytesPerSecond,
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
    figure: requestsPerSecond,
    targets: [
      { against: 'bare-pipe', atLeast: 0.6 },
      { against: 'nest-pipe', atLeast: 0.6 },
    ],
  },
};

/** Measures one scenario of throughput with the contenders that are asked for. */
export function measureThroughput(scenario, bench) {
  const { world, only } = bench;
  world.sink.expect(scenario.size, payloadSha256(scenario.size));
  const contenders = CONTENDERS.filter(({ name }) => only.length === 0 || only.includes(name));
  return whileServing(contenders, world, (running) => measureRounds(scenario, running, bench));
}

/** Starts the server of each contender for as long as `measure` takes; it is given them with their `server`. */
export async function whileServing(contenders, world, measure) {
  const running = [];
  try {
    for (const contender of contenders) running.push({ ...contender, server: await contender.start(world) });
    return await measure(running);
  } finally {
    for (const { server } of running) await server.stop();
  }
}

/**
 * Measures every contender once a round, in an order that turns by one each round, so that what else the
 * machine does falls on all alike. Resolves to the figures of each contender, to the processor time in
 * milliseconds that its server used for one upload, and to the latencies of each round.
 */
export async function measureRounds(scenario, running, bench) {
  const measured = running.map(({ name }) => ({ name, figures: [], cpu: [], ms: [] }));
  const warmUp = { ...bench, total: atMost(scenario.warmUp, bench) };
  for (const contender of running) await load(scenario, contender, warmUp);
  for (let round = 0; round < bench.rounds; round += 1) {
    for (let place = 0; place < running.length; place += 1) {
      const at = (round + place) % running.length;
      await measureRound(scenario, running[at], { bench, ...measured[at] });
    }
  }
  return measured;
}

async function measureRound(scenario, contender, { bench, figures, cpu, ms }) {
  const total = atMost(scenario.total, bench);
  const { pid } = contender.server;
  const before = await processorTime(pid);
  const result = await load(scenario, contender, { ...bench, total });
  const after = await processorTime(pid);
  figures.push(scenario.figure(total * scenario.size, total, result.seconds));
  const perUpload = (thread) => ((after[thread] - before[thread]) * 1000) / total;
  cpu.push({ main: perUpload('main'), all: perUpload('all') });
  ms.push(result.ms);
}

const atMost = (total, { files = Infinity }) => Math.min(total, files);

/** Sends `total` files of the scenario to a contender, at a fixed rate where one is given. */
export async function load(scenario, contender, { client, tokens, total, perSecond }) {
  const { request, name, server } = contender;
  const result = await client.load({
    ...request,
    headers: request.headers?.(scenario.size) ?? [],
    name,
    port: server.port,
    tokens: request.authenticated ? tokens : [],
    size: scenario.size,
    concurrency: scenario.concurrency,
    total,
    perSecond,
  });
  if (scenario.forgets) await contender.forget();
  return result;
}
