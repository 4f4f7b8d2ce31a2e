import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { baseline, OUR_RAW, startOurs } from './contenders.js';
import { localElements, removeFiles } from './local-files.js';
import { KIB, MIB } from './payload.js';
import { forgetPeak, residentMemory, startProgram, startResumableClient } from './processes.js';
import { mib, printVerdicts, summarise, verdict } from './report.js';
import { whileServing } from './throughput.js';
import { findTusd } from './tusd.js';

const perSecond = ({ total }, seconds) => total / seconds;
const megabytesPerSecond = ({ total, size }, seconds) => (total * size) / 1e6 / seconds;

/** What is measured in each round, in the order of the tables. */
const LOADS = [
  {
    name: 'append',
    title: 'create + append of 1 KiB, 32 at a time',
    unit: 'uploads/s',
    kind: 'create-append',
    size: KIB,
    total: 1500,
    concurrency: 32,
    figure: perSecond,
    targets: [
      { against: 'tus-server', atLeast: 1.5 },
      { against: 'tusd', atLeast: 1 },
    ],
  },
  {
    name: 'create',
    title: 'creation with 1 KiB, 32 at a time',
    unit: 'uploads/s',
    kind: 'create-with',
    size: KIB,
    total: 1500,
    concurrency: 32,
    figure: perSecond,
    targets: [
      { against: 'tus-server', atLeast: 1.5 },
      { against: 'tusd', atLeast: 1 },
    ],
  },
  {
    name: 'large',
    title: 'one append of 512 MiB',
    unit: 'MB/s',
    kind: 'large',
    size: 512 * MIB,
    total: 1,
    concurrency: 1,
    figure: megabytesPerSecond,
    targets: [
      { against: 'tus-server', atLeast: 2 },
      { against: 'ours-put', atLeast: 0.9 },
    ],
    /** Else a run would fill the disk. */
    forgets: true,
  },
  {
    name: 'head',
    title: 'HEAD, 32 at a time',
    unit: 'requests/s',
    kind: 'head',
    size: KIB,
    total: 6000,
    concurrency: 32,
    figure: perSecond,
    targets: [{ atLeast: 4000 }],
  },
];

/** A warm-up is so much of a round. */
const WARM_UP_PART = 0.5;

const MANY = { kind: 'many', size: 8 * MIB, total: 100, concurrency: 100, forgets: true };
const WARM_UP_APPENDS = 20;
const MOST_BYTES_EACH = 0.5 * MIB;

/** It writes a line for each request otherwise. */
const QUIET = ['-verbose=false', '-show-greeting=false', '-show-startup-logs=false'];
const TUSD_ARGUMENTS = ['-host', '127.0.0.1', '-base-path', '/files/', ...QUIET];

/** Measures uploads in several requests by tus 1.0 beside the servers of tus, all of which store to the same disk. */
export async function measureResumable(bench) {
  const client = await startResumableClient();
  const { world } = bench;
  const load = (contender, job) => loadOne({ ...bench, client }, contender, job);
  const all = contenders(world);
  try {
    const loads = await whileServing(all, world, (running) => measureLoads(load, running, bench));
    const whole = all.filter(({ only }) => only === undefined);
    return { loads, many: await whileServing(whole, world, (running) => measureMany(load, running)) };
  } finally {
    await client.stop();
  }
}

function contenders(world) {
  const contender = (name, path, start) => {
    const folder = join(world.folder, 'resumable', name);
    return { name, path, folder, start: () => start(folder) };
  };
  const tusServer = (folder) => baseline(world, 'tus-server.js', { UPLOAD_DIR: folder });
  const ours = (folder) =>
    // What is asked for is never complete, and of few callers.
    startOurs(world, { ...localElements(folder), RESUMABLE_MAX_UPLOADS_PER_CALLER: '1000000' });
  const tusd = findTusd();
  return [
    contender('tus-server', '/files', tusServer),
    ...(tusd ? [contender('tusd', '/files/', (folder) => startTusd(world, tusd, folder))] : []),
    { ...contender('ours', '/api/v1/uploads', ours), authenticated: true },
    // The same bytes in one request.
    { ...contender('ours-put', OUR_RAW.path, ours), authenticated: true, kind: 'put', only: 'large' },
  ];
}

function startTusd({ folder: cwd, logFile }, program, folder) {
  mkdirSync(folder, { recursive: true });
  const argumentsFor = (port) => [...TUSD_ARGUMENTS, '-port', String(port), '-upload-dir', folder];
  return startProgram({ program, argumentsFor, cwd, logFile, env: {} });
}

async function loadOne({ client, tokens }, contender, job) {
  const { name, path, server, kind = job.kind, authenticated, folder } = contender;
  const { size, total, concurrency } = job;
  const sent = { name, path, kind, size, total, concurrency, port: server.port };
  const result = await client.measure({ ...sent, tokens: authenticated ? tokens : [] });
  if (job.forgets) await removeFiles(folder, size);
  return result;
}

/** The order of the contenders turns by one each round. */
async function measureLoads(load, running, { rounds, files = Infinity }) {
  const loads = [];
  for (const { figure, title, unit, targets, ...job } of LOADS) {
    const taking = running.filter(({ only = job.name }) => only === job.name);
    const measured = taking.map(({ name }) => ({ name, figures: [], ms: [] }));
    const total = Math.min(job.total, files);
    const warmUp = Math.max(1, Math.ceil(total * WARM_UP_PART));
    for (const contender of taking) await load(contender, { ...job, total: warmUp });
    for (let round = 0; round < rounds; round += 1) {
      for (let place = 0; place < taking.length; place += 1) {
        const at = (round + place) % taking.length;
        const { seconds, ms } = await load(taking[at], { ...job, total });
        measured[at].figures.push(figure({ ...job, total }, seconds));
        measured[at].ms.push(ms);
      }
    }
    loads.push({ title, unit, targets, measured });
  }
  return loads;
}

/** In processes that have done nothing else but their warm-up, one append after the other. */
async function measureMany(load, running) {
  const rows = [];
  for (const contender of running) {
    const { pid } = contender.server;
    await load(contender, { ...MANY, kind: 'large', total: WARM_UP_APPENDS, concurrency: 1 });
    await forgetPeak(pid);
    const before = await residentMemory(pid);
    await load(contender, MANY);
    const { peak } = await residentMemory(pid);
    rows.push({ name: contender.name, before: before.now, peak, each: (peak - before.now) / MANY.total });
  }
  return rows;
}

export function judgeResumable({ loads, many }) {
  const tables = loads.map(({ title, unit, targets, measured }) => {
    const rows = measured.map(({ name, figures, ms }) => {
      const [p50, p99] = ['p50', 'p99'].map((key) => summarise(ms.map((round) => round[key])).median);
      return { name, ...summarise(figures), figures, p50, p99 };
    });
    return { title, unit, rows, verdicts: targets.flatMap((target) => judge(title, target, rows)) };
  });
  const ours = many.find(({ name }) => name === 'ours');
  const memory = verdict('MiB for each of 100 appends of 8 MiB at once', ours.each / MIB, {
    atMost: MOST_BYTES_EACH / MIB,
  });
  const verdicts = [...tables.flatMap((table) => table.verdicts), memory];
  return { tables, many, memory, verdicts };
}

function judge(title, { against, atLeast }, rows) {
  const ours = rows.find(({ name }) => name === 'ours');
  if (against === undefined) return [verdict(`${title}, ours`, ours.median, { atLeast })];
  const baselineRow = rows.find(({ name }) => name === against);
  if (!baselineRow) return [];
  return [verdict(`${title}, ours / ${against}`, ours.median / baselineRow.median, { atLeast })];
}

export function printResumable({ tables, many, memory }) {
  for (const { title, unit, rows, verdicts } of tables) {
    console.log(`\nResumable: ${title} (${unit}, median of ${rows[0].figures.length} rounds)`);
    for (const { name, median, lowest, highest, p50, p99 } of rows) {
      const range = `${lowest.toFixed(0)} … ${highest.toFixed(0)}`.padStart(14);
      const latencies = `p50 ${p50.toPrecision(3)} ms, p99 ${p99.toPrecision(3)} ms`;
      console.log(`  ${name.padEnd(12)} ${median.toFixed(0).padStart(6)} ${range}   ${latencies}`);
    }
    printVerdicts(verdicts);
  }
  console.log('\nResumable: 100 appends of 8 MiB at once (resident)');
  for (const { name, before, peak, each } of many)
    console.log(`  ${name.padEnd(12)} before ${mib(before)}, peak ${mib(peak)}, ${mib(each)} each`);
  printVerdicts([memory]);
}
