import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

const DESCRIPTORS = 90;
const CLIENTS = 120;
/** More than is kept in memory, so that a file of the spool is needed. */
const HALF = Buffer.alloc(700_000, 'x');
const TIMEOUT_MS = 60_000;

describe('a process with few file descriptors', () => {
  let service: ServiceProcess;
  let port: number;

  beforeEach(async () => {
    service = await startServiceProcess(
      { NODE_ENV: 'development', SKIP_AUTH: 'true' },
      { maxDescriptors: DESCRIPTORS },
    );
    port = await service.port();
  });
  afterEach(() => service.dispose());

  /** Sends one half, and the other one second later; gives status, code and `Retry-After` of the answer. */
  async function upload(): Promise<unknown[]> {
    const call = request({
      port,
      host: '127.0.0.1',
      agent: false,
      method: 'PUT',
      path: `/api/v1/files/${randomUUID()}`,
      headers: { 'Content-Length': 2 * HALF.length, 'Content-Type': 'text/plain' },
    });
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    // Who is refused may be cut off while he is still sending.
    call.on('error', () => undefined).write(HALF);
    void sleep(1_000).then(() => call.end(HALF));
    const [answer] = await answered;
    const { code } = (await json(answer)) as { code?: string };
    return [answer.statusCode, code, answer.headers['retry-after']];
  }

  const upTo = (count: number): Promise<unknown[][]> => Promise.all(Array.from({ length: count }, upload));

  it(
    'answers more clients than it has descriptors for, with 201 or 503, warns now and then, and goes on as before',
    async () => {
      const outcomes = new Set((await upTo(CLIENTS)).map((outcome) => JSON.stringify(outcome)));
      expect(outcomes).toEqual(new Set(['[201,null,null]', '[503,"BULKHEAD_FULL","5"]']));
      const warnings = service.output().match(/few file descriptors are left/g) ?? [];
      expect(warnings.length).toBeGreaterThan(0);
      expect(warnings.length).toBeLessThan(CLIENTS / 10);
      expect(service.output()).not.toContain('INTERNAL_ERROR');
      expect((await upTo(5)).map(([status]) => status)).toEqual([201, 201, 201, 201, 201]);
    },
    TIMEOUT_MS,
  );
});
