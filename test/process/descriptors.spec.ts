import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

const DESCRIPTORS = 90;
const CLIENTS = 120;
/** So many come first, and find room. */
const EARLY = 5;
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

  /**
   * Starts as many uploads at once, each of which sends one half as soon as it may, and the other when every one of
   * them was let in or refused; gives status, code and `Retry-After` of the answers. Who is refused sends nothing: he
   * could be cut off before he has read his answer.
   */
  async function upTo(count: number): Promise<unknown[][]> {
    const uploads = await decidedUploads(EARLY);
    if (count > EARLY) uploads.push(...(await decidedUploads(count - EARLY)));
    return Promise.all(uploads.map((upload) => upload.finish()));
  }

  async function decidedUploads(count: number): Promise<ReturnType<typeof begin>[]> {
    const uploads = Array.from({ length: count }, begin);
    await Promise.all(uploads.map(({ decided }) => decided));
    return uploads;
  }

  function begin(): { decided: Promise<void>; finish(): Promise<unknown[]> } {
    const call = request({
      port,
      host: '127.0.0.1',
      agent: false,
      method: 'PUT',
      path: `/api/v1/files/${randomUUID()}`,
      headers: { 'Content-Length': 2 * HALF.length, 'Content-Type': 'text/plain', Expect: '100-continue' },
    });
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    let isLetIn = false;
    const letIn = async (): Promise<void> => {
      await once(call, 'continue');
      isLetIn = true;
      call.write(HALF);
    };
    call.flushHeaders();
    return {
      decided: Promise.race([letIn(), answered.then(() => undefined)]),
      async finish() {
        if (isLetIn) call.end(HALF);
        const [answer] = await answered;
        const { code } = (await json(answer)) as { code?: string };
        call.destroy();
        return [answer.statusCode, code, answer.headers['retry-after']];
      },
    };
  }

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
