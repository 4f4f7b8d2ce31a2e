import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CURVE_CONTENDERS } from './contenders.js';
import { drawCurve } from './curve-picture.js';
import { KIB, MIB, payloadSha256 } from './payload.js';
import { printVerdicts, summarise, verdict } from './report.js';
import { measureRounds, megabytesPerSecond, whileServing } from './throughput.js';

const PICTURE = fileURLToPath(new URL('../docs/benchmarks-curve.svg', import.meta.url));
const AT_LEAST = 0.4;

/** How many files of each size are sent in a round: for one to three seconds. */
const POINTS = [
  { size: KIB, concurrency: 32, total: 4000 },
  { size: 10 * KIB, concurrency: 32, total: 4000 },
  { size: 64 * KIB, concurrency: 32, total: 2000 },
  { size: 256 * KIB, concurrency: 8, total: 1500 },
  { size: MIB, concurrency: 8, total: 600 },
  { size: 4 * MIB, concurrency: 8, total: 200 },
  { size: 16 * MIB, concurrency: 4, total: 60 },
  { size: 64 * MIB, concurrency: 4, total: 16 },
  { size: 256 * MIB, concurrency: 4, total: 8 },
];

/** Measures both ways into our service beside the bare pipe, for files from the smallest to large ones. */
export function measureCurve(bench) {
  const { world } = bench;
  return whileServing(CURVE_CONTENDERS, world, async (running) => {
    const points = [];
    for (const point of POINTS) {
      world.sink.expect(point.size, payloadSha256(point.size));
      const scenario = { ...point, warmUp: Math.ceil(point.total / 2), figure: megabytesPerSecond };
      points.push({ ...point, measured: await measureRounds(scenario, running, bench) });
    }
    return points;
  });
}

export function judgeCurve(points) {
  const rows = points.map(({ size, concurrency, measured }) => {
    const [bare, put, form] = measured.map(({ figures }) => summarise(figures));
    const ratios = { put: put.median / bare.median, form: form.median / bare.median };
    return { name: sizeName(size), size, concurrency, bare, put, form, ratios, measured };
  });
  const lowest = rows.reduce((one, other) => (other.ratios.put < one.ratios.put ? other : one));
  const smallForm = rows.find(({ size }) => size === 10 * KIB);
  return {
    title: 'From small files to large ones, beside the bare pipe',
    rows,
    verdicts: [
      verdict(`put / bare-pipe at its lowest, ${lowest.name}`, lowest.ratios.put, { atLeast: AT_LEAST }),
      verdict('form / bare-pipe, 10 KiB', smallForm.ratios.form, { atLeast: AT_LEAST }),
    ],
  };
}

const sizeName = (size) => (size < MIB ? `${size / KIB} KiB` : `${size / MIB} MiB`);

/** Prints the table, and draws the picture of it that the documentation shows. */
export function printCurve({ title, rows, verdicts }) {
  const rounds = rows[0].measured[0].figures.length;
  console.log(`\n${title} (MB/s, median of ${rounds} rounds)`);
  console.log('  size     at a time      bare       put      form   put × bare  form × bare');
  for (const { name, concurrency, bare, put, form, ratios } of rows) {
    const figures = [bare, put, form].map(({ median }) => median.toPrecision(4).padStart(10)).join('');
    const [rawRatio, formRatio] = [ratios.put, ratios.form].map((ratio) => ratio.toFixed(2).padStart(13));
    console.log(`  ${name.padEnd(8)} ${String(concurrency).padStart(9)}${figures}${rawRatio}${formRatio}`);
  }
  printVerdicts(verdicts);
  writeFileSync(PICTURE, drawCurve(rows));
  console.log(`  drawn to ${PICTURE}`);
}
