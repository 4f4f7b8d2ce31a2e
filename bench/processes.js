import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** USER_HZ, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** An upload that hangs must fail the run instead of holding it for ever. */
const LOAD_LIMIT_MS = 600_000;

/** A helper process that talks in messages: the load client or the sink. */
class Peer {
  constructor(script) {
    this.child = fork(here(script), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  async receive(signal) {
    const [message] = await once(this.child, 'message', { signal });
    return message;
  }

  send(message) {
    this.child.send(message);
  }

  async stop() {
    if (this.child.exitCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.disconnect();
    await gone;
  }
}

export async function startClient() {
  const client = new Peer('./client.js');
  await client.receive();
  return {
    /** Runs one load to its end. @throws Error when any upload fails or hangs. */
    async load(job) {
      client.send(job);
      const result = await client.receive(AbortSignal.timeout(LOAD_LIMIT_MS));
      if (result.error) throw new Error(`${job.name}: ${result.error}`);
      return result;
    },
    stop: () => client.stop(),
  };
}

/** Measures calls to a storage driver. */
export const startOutboundCalls = () => startMeasuring('./outbound-calls.js');

/** Measures what the disk takes alone. */
export const startDisk = () => startMeasuring('./disk.js');

/** Sends uploads that come in several requests. */
export const startResumableClient = () => startMeasuring('./resumable-client.js');

/** Writes down a backlog, and measures claims of it. */
export const startBacklog = () => startMeasuring('./backlog-rows.js');

async function startMeasuring(script) {
  const peer = new Peer(script);
  await peer.receive();
  return {
    /** Does one job. @throws Error when anything of it does not end as it must. */
    async measure(job) {
      peer.send(job);
      const result = await peer.receive(AbortSignal.timeout(LOAD_LIMIT_MS));
      if (result.error) throw new Error(result.error);
      return result;
    },
    stop: () => peer.stop(),
  };
}

export async function startSink() {
  const sink = new Peer('./sink.js');
  const { port } = await sink.receive();
  return {
    port,
    pid: sink.child.pid,
    url: `http://127.0.0.1:${port}`,
    expect: (size, sha256) => sink.send({ expect: { size, sha256 } }),
    /** Resolves once `count` uploads are in flight; none of them moves on before `release`. */
    async hold(count) {
      sink.send({ hold: count });
      await sink.receive();
    },
    release: () => sink.send({ release: true }),
    down: () => sink.send({ down: true }),
    /** Takes uploads again; resolves, once `count` have come, to the seconds from the first to the last. */
    async up(count) {
      sink.send({ up: count });
      return (await sink.receive()).seconds;
    },
    stop: () => sink.stop(),
  };
}

/** Starts a collector of traces. */
export async function startCollector() {
  const collector = new Peer('./collector.js');
  const { port } = await collector.receive();
  return {
    url: `http://127.0.0.1:${port}`,
    /** Bytes of traces that have come since it was asked last. */
    async taken() {
      collector.send({ taken: true });
      return (await collector.receive()).bytes;
    },
    stop: () => collector.stop(),
  };
}

/** Starts a server of Node that is measured; resolves when it accepts connections. */
export function startServer({ script, nodeArgs = [], ...options }) {
  return startProgram({ program: process.execPath, argumentsFor: () => [...nodeArgs, script], ...options });
}

/** Starts any server, on a free port where none is given; `argumentsFor` gives its arguments by its port. */
export async function startProgram({ program, argumentsFor, env, cwd, logFile, port: given }) {
  const port = given ?? (await freePort());
  const log = openSync(logFile, 'a');
  const words = argumentsFor(port);
  const child = spawn(program, words, {
    cwd,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), ...env },
    stdio: ['ignore', log, log],
  });
  const server = { port, pid: child.pid, stop: () => stop(child), kill: () => stop(child, 'SIGKILL') };
  try {
    await accepting(port, child);
  } catch (error) {
    await server.stop();
    throw new Error(`${[program, ...words].join(' ')} did not start, see ${logFile}`, { cause: error });
  }
  return server;
}

async function stop(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(timer);
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

async function accepting(port, child) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`exited with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error('no answer within 15 s');
}

/** Resident memory of a process in bytes: now, and the highest since `forgetPeak`. */
export async function residentMemory(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/**
 * Processor time that a process has used, in seconds: all threads, and the main thread alone, which is what
 * limits a Node server. Fair also when something else slows the machine down.
 */
export async function processorTime(pid) {
  const [all, main] = await Promise.all(
    [`/proc/${pid}/stat`, `/proc/${pid}/task/${pid}/stat`].map((file) => readFile(file, 'utf8')),
  );
  return { all: ticksOf(all) / TICKS_PER_SECOND, main: ticksOf(main) / TICKS_PER_SECOND };
}

/** utime + stime, fields 14 and 15 of proc_pid_stat(5); the name before them may hold spaces. */
function ticksOf(stat) {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Starts the peak anew: writing 5 to `clear_refs` resets VmHWM, see proc_pid_clear_refs(5). */
export async function forgetPeak(pid) {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}
