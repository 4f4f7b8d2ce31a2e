import { mib, printVerdicts, verdict } from './report.js';

/** What is measured of files that are accepted, in the order of the table. */
const ACCEPTING_ROWS = {
  stored: 'uploads, stored at once (201)',
  accepted: 'uploads, accepted on request (202)',
  outage: 'uploads while no element takes them (202)',
  deliveries: 'deliveries when it is back',
  disk: 'the disk alone, synced in such groups',
};

const OF_STORED = { accepted: 0.8, outage: 0.8, deliveries: 0.7 };

export function judgeAccepting({ title, atLeast }, measured) {
  const verdicts = Object.entries(measured).flatMap(([database, rates]) =>
    atLeast === undefined ? againstStored(database, rates) : againstDisk(database, rates, atLeast),
  );
  return { title, unit: 'a second', measured, verdicts };
}

function againstStored(database, rates) {
  return Object.entries(OF_STORED).map(([kind, part]) =>
    verdict(`${ACCEPTING_ROWS[kind]} / stored, ${database}`, rates[kind] / rates.stored, { atLeast: part }),
  );
}

function againstDisk(database, { accepted, outage, disk }, atLeast) {
  const limit = Math.round(Math.min(atLeast, disk));
  return [
    verdict(`accepted on request a second, ${database}`, accepted, { atLeast: limit }),
    verdict(`accepted in an outage a second, ${database}`, outage, { atLeast: limit }),
  ];
}

export function printAccepting({ title, unit, measured, verdicts }) {
  console.log(`\n${title} (${unit})`);
  printTable(ACCEPTING_ROWS, measured, (rates, kind) => rates[kind].toFixed(0));
  printVerdicts(verdicts);
}

const COSTS_ROWS = {
  roundTrips: 'ways to the database and back',
  databaseSyncs: 'syncs of the database',
  fileSyncs: 'syncs of files and folders',
};

/** For orientation: there is no target. */
export function judgeCosts(measured) {
  return { title: 'What a file of 10 KiB costs, 32 at a time', unit: 'for each', measured, verdicts: [] };
}

export function printCosts({ title, unit, measured }) {
  console.log(`\n${title} (${unit})`);
  for (const step of ['accepted', 'delivered']) {
    const columns = Object.fromEntries(Object.entries(measured).map(([name, of]) => [name, of[step]]));
    printTable(COSTS_ROWS, columns, (costs, kind) => costs[kind].toFixed(2), step);
  }
}

const ms = (figure) => figure.toFixed(1);

const BACKLOG_ROWS = {
  accepted: ['accepted a second, 10 KiB, 32 at a time', (rate) => rate.toFixed(0)],
  claim: ['claim of 32 tasks, ms', ms],
  metrics: ['/metrics, median of 50, ms', ({ median }) => ms(median)],
  metricsLongest: ['/metrics, longest, ms', ({ longest }) => ms(longest), 'metrics'],
  ready: ['/health/ready, median of 50, ms', ({ median }) => ms(median)],
  readyLongest: ['/health/ready, longest, ms', ({ longest }) => ms(longest), 'ready'],
  memory: ['resident memory', mib],
  loaded: ['resident memory after uploads', mib],
  drain: ['delivered a second, one replica', (rate) => rate.toFixed(0)],
  both: ['delivered a second, two replicas', (rate) => (rate === undefined ? '-' : rate.toFixed(0))],
  drained: ['resident memory at most meanwhile', mib],
};

/** For orientation: there is no target but that both be alike. */
export function judgeBacklog({ files, few, many }) {
  return {
    title: `With ${files} accepted files that wait, beside next to none`,
    files,
    few,
    many,
    verdicts: [],
  };
}

export function printBacklog({ title, few, many }) {
  console.log(`\n${title}`);
  const columns = Object.fromEntries(
    Object.keys(few).flatMap((database) => [
      [`${database}, none`, few[database]],
      [`${database}, all`, many[database]],
    ]),
  );
  const names = Object.fromEntries(Object.entries(BACKLOG_ROWS).map(([kind, [name]]) => [kind, name]));
  printTable(names, columns, (figures, kind) => {
    const [, print, key = kind] = BACKLOG_ROWS[kind];
    return print(figures[key]);
  });
}

/** A line for each of `rows`, a column for each of `columns`; `cell` gives what stands where they meet. */
function printTable(rows, columns, cell, title = '') {
  printRow(title, Object.keys(columns));
  for (const [kind, name] of Object.entries(rows)) {
    printRow(
      name,
      Object.values(columns).map((column) => cell(column, kind)),
    );
  }
}

function printRow(name, cells) {
  console.log(`  ${name.padEnd(42)}${cells.map((cell) => cell.padStart(16)).join('')}`);
}
