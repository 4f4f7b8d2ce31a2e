/*
 * `npm run test:coverage`: runs the suite with V8's coverage on, in Jest and in the processes that it starts, and
 * holds what comes out against the limits below. Arguments are Jest's.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import coverage from 'istanbul-lib-coverage';

const LINES = 96;
const BRANCHES = 95;
const LINES_OF_A_FILE = 80;

/** Files that may have less, and why. */
const EXCUSED = [
  // What describes an answer for the documentation: nobody makes one, and V8 counts members that are never made.
  /[.](dto|openapi)[.]ts$/,
  // Threads, which end before V8 could say what of them ran.
  /[.]worker[.]ts$/,
];

const root = join(import.meta.dirname, '..');
const results = join(root, 'coverage');
const inProcesses = join(results, 'processes');

/** Gives whether it ended well. */
function run(script, args, env = {}) {
  const { status } = spawnSync(process.execPath, [...script, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return status === 0;
}

function readMap(folder) {
  const text = readFileSync(join(folder, 'coverage-final.json'), 'utf8');
  return coverage.createCoverageMap(JSON.parse(text));
}

/** A file of types alone leaves nothing in the build. */
function isTypesAlone(path) {
  const built = join(root, 'dist', relative(join(root, 'src'), path)).replace(/[.]ts$/, '.js');
  const code = readFileSync(built, 'utf8').replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '');
  return code.trim() === 'export {};';
}

const linesOf = (file) => file.toSummary().lines.pct;

/** A file counts as it was seen where more of it ran: two runs do not tell their branches alike. */
function better(one, other) {
  if (!one || !other) return one ?? other;
  return linesOf(other) > linesOf(one) ? other : one;
}

function fileIn(map, path) {
  return map.files().includes(path) ? map.fileCoverageFor(path) : undefined;
}

rmSync(results, { recursive: true, force: true });
const passed = run(
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
  ],
  [
    '--coverage',
    '--coverageProvider=v8',
    '--coverageReporters=json',
    // V8 counts for all that a worker has ever loaded, with each file more slowly.
    '--workerIdleMemoryLimit=500MB',
    `--coverageDirectory=${results}`,
    '--collectCoverageFrom=src/**/*.ts',
    '--collectCoverageFrom=!src/**/*.spec.ts',
    ...process.argv.slice(2),
  ],
  { TEST_PROCESS_COVERAGE: join(inProcesses, 'raw') },
);
const reported = run(
  [join(root, 'node_modules/c8/bin/c8.js'), 'report'],
  [
    `--temp-directory=${join(inProcesses, 'raw')}`,
    `--reports-dir=${inProcesses}`,
    '--reporter=json',
    '--exclude-after-remap',
    '--include=src/**',
  ],
);

const inJest = readMap(results);
const inOthers = readMap(inProcesses);
const all = coverage.createCoverageMap({});
const poor = [];
for (const path of inJest.files().filter((each) => !isTypesAlone(each))) {
  const file = better(inJest.fileCoverageFor(path), fileIn(inOthers, path));
  const name = relative(root, path);
  all.addFileCoverage(file);
  if (linesOf(file) < LINES_OF_A_FILE && !EXCUSED.some((pattern) => pattern.test(name)))
    poor.push(`${name} ${linesOf(file)} %`);
}

const { lines, branches } = all.getCoverageSummary();
process.stdout.write(
  `Coverage of ${all.files().length} files: lines ${lines.pct} %, branches ${branches.pct} %\n`,
);
for (const each of poor) process.stdout.write(`Too few lines: ${each}\n`);
const enough = lines.pct >= LINES && branches.pct >= BRANCHES && poor.length === 0;
if (!passed || !reported || !enough) process.exit(1);
