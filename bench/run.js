/*
 * npm run bench -- [--only large|small|memory|stack|accepting] [--rounds N] [--contenders a,b] [--json FILE] [--check]
 *                  [--node-arg ARG]...
 *
 * Measures the built service against baselines of the same run; docs/benchmarks.md says what and why.
 * A missed target is reported; only --check turns it into exit code 1.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureAccepting } from './accepting.js';
import { openWorld } from './contenders.js';
import { measureMemory } from './memory.js';
import { startClient, startSink } from './processes.js';
import {
  judgeAccepting,
  judgeMemory,
  judgeStack,
  judgeThroughput,
  printAccepting,
  printMemory,
  printStack,
  printThroughput,
} from './report.js';
import { measureStack } from './stack.js';
import { measureThroughput, THROUGHPUT } from './throughput.js';
import { userTokens } from './tokens.js';

const results = fileURLToPath(new URL('./results', import.meta.url));
/** Enough callers that consecutive requests never carry the same token. */
const CALLERS = 64;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: ['large', 'small', 'memory', 'stack', 'accepting'] },
    rounds: { type: 'string', default: '5' },
    contenders: { type: 'string', default: '' },
    json: { type: 'string', default: `${results}/latest.json` },
    check: { type: 'boolean', default: false },
    'node-arg': { type: 'string', multiple: true, default: [] },
  },
});

async function measure(name, bench) {
  if (name === 'memory') {
    const judged = judgeMemory(await measureMemory(bench));
    printMemory(judged);
    return judged;
  }
  if (name === 'stack') {
    const judged = judgeStack(await measureStack(bench));
    printStack(judged);
    return judged;
  }
  if (name === 'accepting') {
    const judged = judgeAccepting(await measureAccepting(bench));
    printAccepting(judged);
    return judged;
  }
  const scenario = THROUGHPUT[name];
  if (!scenario) throw new Error(`--only must be large, small, memory, stack or accepting, got ${name}`);
  const judged = judgeThroughput(scenario, await measureThroughput(scenario, bench));
  printThroughput(judged);
  return judged;
}

async function main() {
  mkdirSync(results, { recursive: true });
  const logFile = `${results}/servers.log`;
  rmSync(logFile, { force: true });
  const sink = await startSink();
  const client = await startClient();
  const world = await openWorld(sink, logFile, options['node-arg']);
  const only = options.contenders.split(',').filter(Boolean);
  const bench = {
    world,
    client,
    only,
    rounds: Number(options.rounds),
    tokens: await userTokens(world.keys, CALLERS),
  };
  const scenarios = {};
  try {
    for (const name of options.only) scenarios[name] = await measure(name, bench);
  } finally {
    await world.close();
    await client.stop();
    await sink.stop();
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memory: totalmem(), node: process.version };
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, JSON.stringify({ at: new Date().toISOString(), machine, scenarios }, null, 2));
  console.log(`\nwritten to ${options.json}`);
  const missed = Object.values(scenarios).some(({ verdicts }) => verdicts.some(({ passed }) => !passed));
  if (options.check && missed) process.exitCode = 1;
}

await main();
