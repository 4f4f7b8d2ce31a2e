import { CONTENDERS } from './contenders.js';
import { payloadSha256 } from './payload.js';
import { summarise, threeDigits } from './report.js';
import { load, THROUGHPUT, whileServing } from './throughput.js';

const SMALL = THROUGHPUT.small;
/** Runs of which the highest rate is taken. */
const FULL_RUNS = 3;
const PART_OF_HIGHEST = 0.5;
const SECONDS = 10;
/** Enough that a request hardly ever waits for a connection. */
const CONNECTIONS = 128;
const PERCENTILES = ['p50', 'p99', 'p999'];

/**
 * Measures how long small uploads take at half of the highest rate that our service reaches in the same run, and the bare
 * pipe at the same rate. They are sent at fixed times, and their time counts from then.
 */
export function measureLatency(bench) {
  bench.world.sink.expect(SMALL.size, payloadSha256(SMALL.size));
  const contenders = CONTENDERS.filter(({ name }) => name === 'bare-pipe' || name === 'ours');
  return whileServing(contenders, bench.world, (running) => measureRounds(running, bench));
}

async function measureRounds(running, bench) {
  const files = bench.files ?? Infinity;
  const full = { ...bench, total: Math.min(SMALL.total, files) };
  for (const contender of running) await load(SMALL, contender, full);
  const ours = running.find(({ name }) => name === 'ours');
  const highest = await highestRate(ours, full);
  const perSecond = highest * PART_OF_HIGHEST;
  const paced = { ...bench, perSecond, total: Math.min(Math.round(perSecond * SECONDS), files) };
  const measured = running.map(({ name }) => ({ name, ms: [] }));
  for (let round = 0; round < bench.rounds; round += 1) {
    for (let place = 0; place < running.length; place += 1) {
      const at = (round + place) % running.length;
      const { ms } = await load({ ...SMALL, concurrency: CONNECTIONS }, running[at], paced);
      measured[at].ms.push(ms);
    }
  }
  return { highest, perSecond, measured };
}

async function highestRate(contender, full) {
  const rates = [];
  for (let run = 0; run < FULL_RUNS; run += 1) {
    rates.push(full.total / (await load(SMALL, contender, full)).seconds);
  }
  return Math.max(...rates);
}

/** No target is set: the figures stand beside the bare pipe's. */
export function judgeLatency({ highest, perSecond, measured }) {
  const rows = measured.map(({ name, ms }) => ({
    name,
    rounds: ms,
    ...Object.fromEntries(PERCENTILES.map((key) => [key, summarise(ms.map((round) => round[key]))])),
  }));
  return { title: 'Latency of small files: 10 KiB', highest, perSecond, rows, verdicts: [] };
}

export function printLatency({ title, highest, perSecond, rows }) {
  const rates = `${perSecond.toFixed(0)} a second, half of ${highest.toFixed(0)}`;
  console.log(`\n${title} (ms at ${rates}; median of ${rows[0].rounds.length} rounds, and their range)`);
  console.log(`  ${'server'.padEnd(14)} ${PERCENTILES.map((name) => name.padEnd(30)).join('')}`);
  for (const row of rows) {
    const cells = PERCENTILES.map((key) => latencyCell(row[key]).padEnd(30));
    console.log(`  ${row.name.padEnd(14)} ${cells.join('')}`);
  }
}

function latencyCell({ median, lowest, highest }) {
  const [middle, low, high] = [median, lowest, highest].map((ms) => threeDigits(ms).trim());
  return `${middle} (${low} … ${high})`;
}
