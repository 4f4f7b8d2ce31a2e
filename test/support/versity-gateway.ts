import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const VERSITY_GATEWAY = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';

const PATIENCE_MS = 30_000;
const LOOK_MS = 50;

/** A store of files on this disk that speaks the protocol of S3 as AWS does. */
export interface VersityGateway {
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  close(): Promise<void>;
}

/** Where `npm run test:s3` builds it, and others find it; it is not among the packages of npm. */
export function gatewayPath(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.VERSITYGW || join(cache, 'ingester', 'versitygw-1.8.0', 'versitygw');
}

/** Starts it with a folder of its own. @throws Error where it does not listen */
export async function startGateway(): Promise<VersityGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'ingester-versitygw-'));
  const [files, metadata] = [join(folder, 'files'), join(folder, 'metadata')];
  await Promise.all([files, metadata].map((path) => mkdir(path)));
  const port = await freePort();
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'not/a+secret' };
  const listen = ['--quiet', '--keep-alive', '--port', `127.0.0.1:${port}`];
  // Beside the files, as not every file system has room for metadata.
  const child = spawn(gatewayPath(), [...listen, 'posix', '--sidecar', metadata, files], {
    env: { ROOT_ACCESS_KEY_ID: credentials.accessKeyId, ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    stdio: 'ignore',
  });
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(child, port);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoint: `http://127.0.0.1:${port}`, credentials, close };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`versitygw ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error('versitygw does not listen');
    await sleep(LOOK_MS);
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
