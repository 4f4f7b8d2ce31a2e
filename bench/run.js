/*
 * npm run bench -- [--only large|small|curve|local|latency|memory|stack|accepting|accepting-small|costs|backlog|
 *                         resumable|s3|traces]...
 *                  [--rounds N] [--files N] [--contenders a,b] [--json FILE] [--check] [--node-arg ARG]...
 *
 * Measures the built service against baselines of the same run; docs/benchmarks.md says what and why.
 * A missed target is reported; only --check turns it into exit code 1. --files has fewer or more files accepted, or in the
 * backlog, than what is judged, and at most so many in a round of the others. --contenders is for large and small.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ACCEPTING, measureAccepting } from './accepting.js';
import { measureBacklog } from './backlog.js';
import { openWorld } from './contenders.js';
import { measureCosts } from './costs.js';
import { judgeCurve, measureCurve, printCurve } from './curve.js';
import {
  judgeAccepting,
  judgeBacklog,
  judgeCosts,
  printAccepting,
  printBacklog,
  printCosts,
} from './delivery-report.js';
import { judgeLatency, measureLatency, printLatency } from './latency.js';
import { judgeLocal, measureLocal, printLocal } from './local.js';
import { measureMemory } from './memory.js';
import { startClient, startSink } from './processes.js';
import {
  judgeMemory,
  judgeStack,
  judgeThroughput,
  printMemory,
  printStack,
  printThroughput,
} from './report.js';
import { judgeResumable, measureResumable, printResumable } from './resumable.js';
import { judgeS3, measureS3, printS3 } from './s3.js';
import { measureStack } from './stack.js';
import { measureThroughput, THROUGHPUT } from './throughput.js';
import { judgeTraces, measureTraces, printTraces } from './traces.js';
import { userTokens } from './tokens.js';

const results = fileURLToPath(new URL('./results', import.meta.url));
/** Enough callers that consecutive requests never carry the same token. */
const CALLERS = 64;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: ['large', 'small', 'memory', 'stack', 'accepting'] },
    rounds: { type: 'string', default: '5' },
    files: { type: 'string' },
    contenders: { type: 'string', default: '' },
    json: { type: 'string', default: `${results}/latest.json` },
    check: { type: 'boolean', default: false },
    'node-arg': { type: 'string', multiple: true, default: [] },
  },
});

/** What can be asked for with --only, beside the scenarios of throughput: how it is measured, judged and printed. */
const SCENARIOS = {
  curve: [measureCurve, judgeCurve, printCurve],
  local: [measureLocal, judgeLocal, printLocal],
  latency: [measureLatency, judgeLatency, printLatency],
  s3: [measureS3, judgeS3, printS3],
  resumable: [measureResumable, judgeResumable, printResumable],
  traces: [measureTraces, judgeTraces, printTraces],
  memory: [measureMemory, judgeMemory, printMemory],
  stack: [measureStack, judgeStack, printStack],
  ...accepting('accepting'),
  ...accepting('accepting-small'),
  costs: [measureCosts, judgeCosts, printCosts],
  backlog: [measureBacklog, judgeBacklog, printBacklog],
};

function accepting(name) {
  const scenario = ACCEPTING[name];
  return {
    [name]: [
      (bench) => measureAccepting(scenario, bench),
      (measured) => judgeAccepting(scenario, measured),
      printAccepting,
    ],
  };
}

async function measure(name, bench) {
  const scenario = SCENARIOS[name] ?? throughput(name);
  const [measureIt, judge, print] = scenario;
  const judged = judge(await measureIt(bench));
  print(judged);
  return judged;
}

function throughput(name) {
  const scenario = THROUGHPUT[name];
  const names = [...Object.keys(THROUGHPUT), ...Object.keys(SCENARIOS)];
  if (!scenario) throw new Error(`--only must be one of ${names.join(', ')}, got ${name}`);
  return [
    (bench) => measureThroughput(scenario, bench),
    (measured) => judgeThroughput(scenario, measured),
    printThroughput,
  ];
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
    files: options.files === undefined ? undefined : Number(options.files),
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
