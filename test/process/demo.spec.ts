import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';

const DEMO = join(import.meta.dirname, '../../bench/demo.js');
const LONGEST_MS = 180_000;

describe('npm run demo', () => {
  let folder: string;
  let child: ChildProcess;
  let output: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingester-test-demo-'));
  });
  afterEach(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'close');
    await rm(folder, { recursive: true });
  });

  function start(...args: string[]): void {
    output = '';
    child = spawn(process.execPath, [DEMO, ...args], {
      env: { PATH: process.env.PATH, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
  }

  it(
    'shows what dies and comes back, loses nothing, and ends with --once',
    async () => {
      start('--once');
      await once(child, 'close');
      // A file whose answer was lost with se-1 is accepted, since se-1 may have it.
      const [, stored, accepted] =
        /killed while.*\n\D*(\d+) stored \D*201\D*(\d+) acc.* 0 refused/.exec(output) ?? [];
      expect(Number(stored) + Number(accepted)).toBe(22);
      const promised = 12 + Number(accepted);
      expect(output).toMatch(/down: .*storage:se-1.*\n.*storage:se-1 (half_)?open/);
      expect(output).toMatch(/ 0 stored \(201\), 12 accepted for later \(202\), 0 refused\n.*200 degraded/);
      expect(output).toMatch(/ 1\d waiting, 1\d files in the spool/);
      expect(output).toMatch(/Both come back.*\n.*delivered.*\n.*200 ok\n.*\n.* 0 waiting, 0 files/);
      expect(output).toContain(`yes  sent 64 = stored ${64 - promised} + accepted ${promised}`);
      expect(output).toContain(`yes  delivered ${promised} = accepted ${promised}`);
      expect(output).toContain('yes  the same bytes at the elements: 64 of 64');
      expect(child.exitCode).toBe(0);
      expect(await readdir(folder)).toEqual([]);
    },
    LONGEST_MS,
  );

  it(
    'stays up for a look around until it is interrupted',
    async () => {
      start();
      const token = /look around[^]*^ {2}(eyJ\S+)\n/im;
      const isReady = async (): Promise<void> => expect(output).toMatch(token);
      await eventually(isReady, LONGEST_MS - 60_000);
      const url = /console {2}(\S+)\/console/.exec(output)?.[1];
      const headers = { Authorization: `Bearer ${token.exec(output)?.[1]}` };
      const answer = await fetch(`${url}/api/v1/resilience/summary`, { headers });
      expect(answer.status).toBe(200);
      child.kill('SIGINT');
      await once(child, 'close');
      expect(child.exitCode).toBe(0);
      await expect(fetch(`${url}/health/live`)).rejects.toThrow('fetch failed');
      expect(await readdir(folder)).toEqual([]);
    },
    LONGEST_MS,
  );
});
