import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FILE_ID } from './payload.js';
import { startServer } from './processes.js';
import { EXPECTED_CLAIMS, startTokenEndpoint, writeKeyPair } from './tokens.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { config } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const local = (name) => join(root, 'bench', 'servers', name);
export const RAW = { method: 'PUT', path: '/file', multipart: false };
export const MULTIPART = {
  method: 'POST',
  path: '/api/v1/files/upload',
  multipart: true,
  authenticated: true,
};
export const OUR_RAW = {
  method: 'PUT',
  path: `/api/v1/files/${FILE_ID}`,
  multipart: false,
  authenticated: true,
};

/** Who takes part, in the order of the table. `start` resolves to `{port, pid, stop}`. */
export const CONTENDERS = [
  {
    name: 'direct',
    request: RAW,
    start: ({ sink }) => ({ port: sink.port, pid: sink.pid, stop: () => undefined }),
  },
  { name: 'bare-pipe', request: RAW, start: (world) => baseline(world, 'bare-pipe.js') },
  { name: 'nest-pipe', request: RAW, start: (world) => baseline(world, 'nest-pipe.js') },
  { name: 'busboy', request: MULTIPART, start: (world) => baseline(world, 'busboy.js') },
  {
    name: 'busboy-sha256',
    request: MULTIPART,
    start: (world) => baseline(world, 'busboy.js', { HASH: '1' }),
  },
  {
    name: 'multer',
    request: MULTIPART,
    start: (world) => baseline(world, 'multer.js', { UPLOAD_DIR: join(world.folder, 'multer') }),
  },
  { name: 'ours', request: MULTIPART, start: startOurs },
];

/** Who takes part in the curve: the bare pipe, and both ways into our service. */
export const CURVE_CONTENDERS = [
  CONTENDERS.find(({ name }) => name === 'bare-pipe'),
  {
    name: 'put',
    request: OUR_RAW,
    start: (world) => startOurs(world, { DATA_DIR: join(world.folder, 'put') }),
  },
  { name: 'form', request: MULTIPART, start: startOurs },
];

/** What all servers of a run share: the sink, a scratch folder, keys and the token endpoint. */
export async function openWorld(sink, logFile, nodeArgs) {
  const folder = mkdtempSync(join(tmpdir(), 'ingester-bench-'));
  const keys = await writeKeyPair(folder);
  const tokenEndpoint = await startTokenEndpoint(keys);
  return {
    sink,
    folder,
    logFile,
    nodeArgs,
    keys,
    tokenEndpoint,
    async close() {
      tokenEndpoint.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function baseline({ sink, folder, logFile }, script, env = {}) {
  return startServer({
    script: local(script),
    env: { SINK_URL: sink.url, ...env },
    cwd: folder,
    logFile,
  });
}

/** The built service as it runs in production: real key, JSON logs, service token, HTTP storage element. */
export function startOurs({ sink, folder, logFile, nodeArgs, keys, tokenEndpoint }, variables = {}) {
  return startServer({
    script: join(root, 'dist', 'main.js'),
    nodeArgs: [...config.v8Flags.split(' '), ...nodeArgs],
    cwd: folder,
    logFile,
    env: {
      HOST: '127.0.0.1',
      LOG_FORMAT: 'json',
      DATA_DIR: join(folder, 'data'),
      JWT_PUBLIC_KEY_FILE: keys.publicKeyFile,
      ...EXPECTED_CLAIMS,
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'sink', driver: 'http', url: sink.url, mode: 'edit' }]),
      SERVICE_TOKEN_URL: tokenEndpoint.url,
      SERVICE_CLIENT_ID: 'bench',
      SERVICE_CLIENT_SECRET: 'bench-secret',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      ...variables,
    },
  });
}
