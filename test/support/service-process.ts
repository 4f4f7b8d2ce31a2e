import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { onceARun } from './once-a-run.js';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/main.js');
const APPLICATION = join(ROOT, 'dist/create-app.js');

/** The flags that `npm start` and the image start the service with. */
const { config } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  config: { v8Flags: string };
};
export const V8_FLAGS = config.v8Flags.split(' ');

/** Where a process says at its end what of its code ran; `npm run test:coverage` asks for that. */
const folder = process.env.TEST_PROCESS_COVERAGE;
export const coverageOfProcesses = folder === undefined ? {} : { NODE_V8_COVERAGE: folder };

/** Compiles the service into `NODE_COMPILE_CACHE`; a process that is killed leaves nothing there. */
async function compileInto(compiled: string): Promise<void> {
  const load = `await import(${JSON.stringify(pathToFileURL(APPLICATION).href)})`;
  await promisify(execFile)(process.execPath, [...V8_FLAGS, '--input-type=module', '--eval', load], {
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
  });
}

/** What a process need not compile again. V8 does not count all that it has from there. */
async function compiledCode(): Promise<Record<string, string>> {
  if (folder !== undefined) return {};
  return { NODE_COMPILE_CACHE: await onceARun('compiled-service', compileInto) };
}

/** The built service as a process of its own, for what only a process has: signals, exit codes, output. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly dataDir: string;
  /** All that it has written so far, without standard output where that goes elsewhere. */
  output(): string;
  /** The port, once it listens. @throws Error when it ends before that. */
  port(): Promise<number>;
  /** The exit code, once it has ended; null when a signal ended it. */
  exitCode(): Promise<number | null>;
  /** Kills it if it is still there, and removes its data folder. */
  dispose(): Promise<void>;
}

interface ProcessOptions {
  /** Most file descriptors that it may have open. */
  readonly maxDescriptors?: number;
  /** Where standard output goes instead of `output`; the port is then to be given. */
  readonly stdout?: number;
  /** Those of `npm start` where none are given. */
  readonly v8Flags?: readonly string[];
}

/** Starts the service with no variables but these, in a data folder of its own. */
export async function startServiceProcess(
  variables: Record<string, string> = {},
  options: ProcessOptions = {},
): Promise<ServiceProcess> {
  const dataDir = variables.DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'ingester-process-')));
  const compiled = await compiledCode();
  const child = spawnService({ ...compiled, DATA_DIR: dataDir, ...variables }, dataDir, options);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      child.emit('output');
    });
  }
  const exited = once(child, 'exit');
  const closed = once(child, 'close');
  return {
    child,
    dataDir,
    output: () => output,
    port: async () => {
      for (;;) {
        const port = /"port":(\d+)/.exec(output)?.[1];
        if (port !== undefined) return Number(port);
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`The service ended before it listened:\n${output}`);
        await Promise.race([once(child, 'output'), exited]);
      }
    },
    exitCode: async () => {
      await closed;
      return child.exitCode;
    },
    dispose: async () => {
      child.kill('SIGKILL');
      await closed;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function spawnService(
  variables: Record<string, string>,
  cwd: string,
  { maxDescriptors, stdout, v8Flags = V8_FLAGS }: ProcessOptions,
): ChildProcess {
  const limit = maxDescriptors === undefined ? '' : `ulimit -n ${maxDescriptors} && `;
  return spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', process.execPath, ...v8Flags, MAIN], {
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_FORMAT: 'json',
      ...coverageOfProcesses,
      ...variables,
    },
    cwd,
    stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
  });
}
