import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { CONTENDERS } from './contenders.js';
import { startOutboundCalls } from './processes.js';
import { EXPECTED_CLAIMS } from './tokens.js';

const REPORTS_PER_ROUND = 500;
const WARM_UP_REPORTS = 2_000;

/** Measures what resilience costs a call that needs none of it, a call that is turned away, and who looks on. */
export async function measureStack(bench) {
  const calls = await outboundCalls(bench);
  return { ...calls, reports: await circuitReports(bench) };
}

async function outboundCalls({ world, rounds }) {
  const caller = await startOutboundCalls();
  try {
    const folder = join(world.folder, 'outbound-calls');
    const env = {
      NODE_ENV: 'production',
      LOG_LEVEL: 'silent',
      DATA_DIR: folder,
      STORAGE_ELEMENTS: JSON.stringify([
        { id: 'local', driver: 'local', path: join(folder, 'files'), mode: 'edit' },
      ]),
      JWT_PUBLIC_KEY_FILE: world.keys.publicKeyFile,
      ...EXPECTED_CLAIMS,
    };
    return await caller.measure({ env, rounds });
  } finally {
    await caller.stop();
  }
}

async function circuitReports({ world, rounds }) {
  const service = await CONTENDERS.find(({ name }) => name === 'ours').start(world);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const url = `http://127.0.0.1:${service.port}/health/circuit-breakers`;
  try {
    await reportRound(url, agent, WARM_UP_REPORTS);
    const measured = [];
    for (let index = 0; index < rounds; index += 1) {
      measured.push(await reportRound(url, agent, REPORTS_PER_ROUND));
    }
    return measured;
  } finally {
    agent.destroy();
    await service.stop();
  }
}

/** One after the other, over one connection; microseconds. */
async function reportRound(url, agent, count) {
  const times = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    const begin = performance.now();
    await report(url, agent);
    times[index] = (performance.now() - begin) * 1_000;
  }
  times.sort();
  return { median: times[Math.floor(count / 2)], p99: times[Math.floor(count * 0.99)] };
}

async function report(url, agent) {
  const [response] = await once(get(url, { agent }), 'response');
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`circuits are answered with ${response.statusCode}`);
}
