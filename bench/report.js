import { MIB } from './payload.js';

/** Middle, lowest and highest figure of all rounds. */
export function summarise(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, lowest: sorted[0], highest: sorted.at(-1) };
}

const medianOf = (rounds, key) => summarise(rounds.map((round) => round[key])).median;

/** Turns the rounds of one scenario into rows and verdicts against the baselines of the same run. */
export function judgeThroughput(scenario, measured) {
  const rows = measured.map(({ name, figures, cpu, ms }) => ({
    name,
    ...summarise(figures),
    figures,
    p50: medianOf(ms, 'p50'),
    p99: medianOf(ms, 'p99'),
    cpuMsPerUpload: { main: medianOf(cpu, 'main'), all: medianOf(cpu, 'all') },
  }));
  const verdicts = scenario.targets.flatMap((target) => judgeTarget(target, rows));
  return { title: scenario.title, unit: scenario.unit, rows, verdicts };
}

/** What a target can be about, beside the median of the figures. */
const ASPECTS = {
  median: { prefix: '', of: ({ median }) => median },
  p99: { prefix: 'p99, ', of: ({ p99 }) => p99 },
  main: {
    prefix: 'µs of the main thread for an upload, ',
    of: ({ cpuMsPerUpload: { main } }) => main * 1_000,
  },
};

/** A target is a ratio where it is `against` a baseline, and a figure of ours where it is not. */
function judgeTarget({ against, aspect = 'median', ...limit }, rows) {
  const { prefix, of } = ASPECTS[aspect];
  const ours = rows.find(({ name }) => name === 'ours');
  const baseline = rows.find(({ name }) => name === against);
  if (!ours || (against && !baseline)) return [];
  if (!against) return [verdict(`${prefix}ours`, of(ours), limit)];
  return [verdict(`${prefix}ours / ${against}`, of(ours) / of(baseline), limit)];
}

/** How much of the smaller file's growth the larger one may exceed: the noise of the garbage collector. */
const GROWTH_NOISE_BYTES = 16 * MIB;

export function judgeMemory({ many, small, huge }) {
  return {
    title: 'Memory of our service',
    many,
    small,
    huge,
    verdicts: [
      verdict('MiB per upload, 200 of 50 MiB at once', many.growthPerUpload / MIB, { atMost: 1 }),
      verdict('MiB that 4 GiB grow beyond 50 MiB', (huge.growth - small.growth) / MIB, {
        atMost: GROWTH_NOISE_BYTES / MIB,
      }),
    ],
  };
}

const MICROSECONDS_PER_MS = 1_000;

/** What is measured of the outbound interceptors, in the order of the table. */
const STACK_ROWS = {
  direct: 'driver, called directly',
  wrapped: 'driver, through the interceptors',
  rejected: 'call that meets an open circuit',
  reports: 'GET /health/circuit-breakers',
};

export function judgeStack(measured) {
  const rows = Object.entries(STACK_ROWS).map(([kind, name]) => stackRow(name, measured[kind]));
  const [direct, wrapped, rejected, reports] = rows.map(({ median }) => median / MICROSECONDS_PER_MS);
  return {
    title: 'The interceptors around outbound calls',
    unit: 'µs',
    rows,
    verdicts: [
      verdict('ms that the interceptors add to a call', wrapped - direct, { atMost: 0.1 }),
      verdict('ms until an open circuit rejects', rejected, { atMost: 0.05 }),
      verdict('ms for GET /health/circuit-breakers', reports, { atMost: 2 }),
    ],
  };
}

function stackRow(name, figures) {
  const p99 = summarise(figures.map((round) => round.p99)).median;
  return { name, ...summarise(figures.map((round) => round.median)), p99, figures };
}

export function verdict(what, value, { atLeast, atMost }) {
  const passed = atLeast === undefined ? value <= atMost : value >= atLeast;
  const target = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  return { what, value, target, passed };
}

export function printThroughput({ title, unit, rows, verdicts }) {
  console.log(`\n${title} (${unit}, median of ${rows[0]?.figures.length ?? 0} rounds)`);
  console.log(
    `  ${'server'.padEnd(14)} ${'median'.padStart(7)}   ${'range'.padStart(13)}  × bare  ms: p50, p99        CPU ms/upload: main, all`,
  );
  const bare = rows.find(({ name }) => name.startsWith('bare-'));
  for (const row of rows) console.log(throughputLine(row, bare));
  printVerdicts(verdicts);
}

function throughputLine({ name, median, lowest, highest, p50, p99, cpuMsPerUpload }, bare) {
  const range = `${lowest.toFixed(0)} … ${highest.toFixed(0)}`;
  const ratio = bare ? (median / bare.median).toFixed(2) : '-';
  const latencies = threeDigits(p50) + threeDigits(p99);
  const cpu = threeDigits(cpuMsPerUpload.main) + threeDigits(cpuMsPerUpload.all);
  return `  ${name.padEnd(14)} ${median.toFixed(0).padStart(7)}   ${range.padStart(13)}  ${ratio.padStart(6)}  ${latencies}  ${cpu}`;
}

export const threeDigits = (ms) => ms.toPrecision(3).padStart(9);

export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

export function printMemory({ title, many, small, huge, verdicts }) {
  console.log(`\n${title} (resident)`);
  console.log(
    `  200 × 50 MiB   before ${mib(many.before)}, all held ${mib(many.held)}, peak ${mib(many.peak)}`,
  );
  console.log(`  1 × 50 MiB     before ${mib(small.before)}, peak ${mib(small.peak)}`);
  console.log(`  1 × 4 GiB      before ${mib(huge.before)}, peak ${mib(huge.peak)}`);
  printVerdicts(verdicts);
}

export function printStack({ title, unit, rows, verdicts }) {
  console.log(`\n${title} (${unit}, median of ${rows[0].figures.length} rounds)`);
  console.log(`  ${''.padEnd(33)} ${'median'.padStart(7)}   ${'range'.padStart(13)}  ${'p99'.padStart(6)}`);
  for (const { name, median, lowest, highest, p99 } of rows) {
    const range = `${lowest.toFixed(0)} … ${highest.toFixed(0)}`;
    const figures = `${median.toFixed(0).padStart(7)}   ${range.padStart(13)}  ${p99.toFixed(0).padStart(6)}`;
    console.log(`  ${name.padEnd(33)} ${figures}`);
  }
  printVerdicts(verdicts);
}

export function printVerdicts(verdicts) {
  for (const { what, value, target, passed } of verdicts) {
    console.log(`  ${passed ? 'pass' : 'FAIL'}  ${what}: ${value.toPrecision(3)} (target ${target})`);
  }
}
