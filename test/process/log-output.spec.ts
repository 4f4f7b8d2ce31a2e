import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { smallDisk } from '../support/small-disk.js';

/** A tmpfs as large as its page cannot be filled to the byte, so that lines are cut. */
const disk = smallDisk('size=64k');
const START_MS = 50_000;
/** A request whose line is as long as one gets: more of a path is cut. */
const LONG_PATH = `/${'x'.repeat(1_000)}`;

afterAll(() => disk.unmount());

describe('standard output', () => {
  let service: ServiceProcess;
  let url: string;
  let folder: string;
  const descriptors: number[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingester-output-'));
  });

  afterEach(async () => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    await service.dispose();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function open(path: string, flags: number): number {
    const descriptor = openSync(path, flags);
    descriptors.push(descriptor);
    return descriptor;
  }

  /** A named pipe with both of its ends; nobody reads from it unless a test does. */
  function openPipe(): { path: string; reader: number; writer: number } {
    const path = join(folder, `pipe-${String(Math.random())}`);
    execFileSync('/usr/bin/mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { path, reader, writer: open(path, constants.O_WRONLY) };
  }

  async function start(stdout: number, variables: Record<string, string> = {}): Promise<void> {
    const PORT = String(await freePort());
    url = `http://127.0.0.1:${PORT}`;
    service = await startServiceProcess(
      { NODE_ENV: 'test', SHUTDOWN_DRAIN_DELAY_MS: '0', PORT, ...variables },
      { stdout },
    );
    await eventually(() => expectServed(), START_MS);
  }

  async function expectServed(): Promise<void> {
    expect(await (await fetch(`${url}/health/live`)).json()).toMatchObject({ status: 'healthy' });
  }

  /** Has so many lines logged. */
  async function ask(times: number): Promise<void> {
    for (let asked = 0; asked < times; asked += 1) {
      expect((await fetch(`${url}${LONG_PATH}`)).status).toBe(404);
    }
  }

  async function droppedLines(): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(/^log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
  }

  async function expectSigterm(exitCode: number): Promise<void> {
    const signalledAt = Date.now();
    service.child.kill('SIGTERM');
    expect(await service.exitCode()).toBe(exitCode);
    expect(Date.now() - signalledAt).toBeLessThan(10_000);
    expect(service.output()).not.toContain('Error');
  }

  it.each(['json', 'text'])(
    'may be a full disk: lines are dropped and counted, and all else goes on (%s)',
    async (LOG_FORMAT) => {
      await start(open('/dev/full', constants.O_WRONLY), { LOG_FORMAT });
      await ask(20);
      await eventually(async () => expect(await droppedLines()).toBeGreaterThanOrEqual(20));
      await expectServed();
      await expectSigterm(0);
    },
  );

  it('may be a pipe that nobody reads: a second signal ends the process at once', async () => {
    const { reader, writer } = openPipe();
    descriptors.push(reader);
    await start(writer, { LOG_FORMAT: 'text', SHUTDOWN_DRAIN_DELAY_MS: '60000' });
    await ask(100);
    service.child.kill('SIGTERM');
    await eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(503));
    await expectSigterm(1);
  });

  it('may lose its reader, find another one, and not be read: SIGTERM ends the process all the same', async () => {
    const { path, reader, writer } = openPipe();
    await start(writer);
    closeSync(reader);
    await ask(3);
    await eventually(async () => expect(await droppedLines()).toBeGreaterThanOrEqual(3));
    const another = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await ask(1);
    await eventually(async () => {
      const taken = Buffer.alloc(64 * 1024);
      const lines = taken.toString('utf8', 0, readSync(another, taken)).trim().split('\n');
      expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
        expect.objectContaining({ path: LONG_PATH }),
      );
    });
    await ask(100);
    await expectServed();
    await expectSigterm(0);
  });

  disk.describe(`on a disk that is full and has room again${disk.whyNot}`, () => {
    it('has whole lines but for the one that was cut, and all of them to the end of the process', async () => {
      const path = join(disk.path, 'log');
      const filling = join(disk.path, 'filling');
      writeFileSync(filling, Buffer.alloc(32 * 1024));
      await start(open(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT));
      await ask(60);
      await eventually(async () => expect(await droppedLines()).toBeGreaterThan(0));
      await expectServed();
      rmSync(filling);
      await ask(1);
      await eventually(async () =>
        expect(readFileSync(path, 'utf8').trim().split('\n').at(-1)).toContain(LONG_PATH),
      );
      await expectSigterm(0);
      const lines = readFileSync(path, 'utf8').trim().split('\n');
      expect(lines.filter((line) => !isJson(line)).length).toBeLessThanOrEqual(1);
      expect(lines.at(-1)).toContain('shutdown: close');
    });
  });
});

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** A port that was free just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
