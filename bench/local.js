import { join } from 'node:path';
import { baseline, MULTIPART, OUR_RAW, RAW, startOurs } from './contenders.js';
import { localElements, removeFiles } from './local-files.js';
import { KIB, MIB } from './payload.js';
import { judgeThroughput, printThroughput } from './report.js';
import { measureRounds, megabytesPerSecond, requestsPerSecond, whileServing } from './throughput.js';
import { EXPECTED_CLAIMS } from './tokens.js';

const SMALL = {
  title: 'Local driver, small files: 10 KiB, 32 at a time',
  unit: 'requests/s',
  size: 10 * KIB,
  concurrency: 32,
  total: 3000,
  warmUp: 2000,
  figure: requestsPerSecond,
  targets: [
    { against: 'nest-multer', atLeast: 1.5 },
    { against: 'tus-server', atLeast: 1 },
    { against: 'nest-multer', aspect: 'p99', atMost: 1 },
    { aspect: 'main', atMost: 600 },
  ],
};

const LARGE = {
  title: 'Local driver, large files: 256 MiB, 4 at a time',
  unit: 'MB/s',
  size: 256 * MIB,
  concurrency: 4,
  total: 8,
  warmUp: 4,
  figure: megabytesPerSecond,
  targets: [{ against: 'bare-file', atLeast: 0.85 }],
  /** Else a run would fill the disk. */
  forgets: true,
};

/** One POST creates an upload of tus and carries all of its bytes. */
const TUS = {
  method: 'POST',
  path: '/files',
  multipart: false,
  type: 'application/offset+octet-stream',
  headers: (size) => ['Tus-Resumable: 1.0.0', `Upload-Length: ${size}`],
};

/** Measures our service with its local driver beside servers that store to the same disk. */
export function measureLocal(bench) {
  return whileServing(localContenders(bench.world), bench.world, async (running) => ({
    small: await measureRounds(SMALL, running, bench),
    large: await measureRounds(LARGE, running, bench),
  }));
}

/** `forget` removes what a contender has stored. */
function localContenders(world) {
  const stored = (name) => join(world.folder, 'local', name);
  const contender = (name, request, start) => {
    const folder = stored(name);
    return { name, request, start: () => start(folder), forget: () => removeFiles(folder, LARGE.size) };
  };
  const to = (script, variables) => (folder) => baseline(world, script, { UPLOAD_DIR: folder, ...variables });
  const ours = (folder) => startOurs(world, localElements(folder));
  const keys = { JWT_PUBLIC_KEY_FILE: world.keys.publicKeyFile, ...EXPECTED_CLAIMS };
  return [
    contender('bare-file', RAW, to('bare-file.js')),
    contender('nest-multer', MULTIPART, to('multer-store.js', keys)),
    contender('tus-server', TUS, to('tus-server.js')),
    contender('ours', MULTIPART, ours),
    contender('ours-put', OUR_RAW, ours),
  ];
}

export function judgeLocal({ small, large }) {
  const tables = [judgeThroughput(SMALL, small), judgeThroughput(LARGE, large)];
  return { tables, verdicts: tables.flatMap(({ verdicts }) => verdicts) };
}

export const printLocal = ({ tables }) => tables.forEach((table) => printThroughput(table));
