import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, metric, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';

const REASONS = ['bytes', 'disk', 'age', 'read-only', 'unusable'];

describe('what /metrics tells of the spool', () => {
  let service: AcceptingService;

  afterEach(() => service.close());

  /** The reasons for which it is shut, and those that `/metrics` does not name. */
  async function shut(): Promise<string[]> {
    const values = await Promise.all(
      REASONS.map(async (reason) => ({
        reason,
        value: await metric(service, `spool_shut{reason="${reason}"}`),
      })),
    );
    return values.filter(({ value }) => value !== 0).map(({ reason, value }) => `${reason} ${value}`);
  }

  it('says that it is shut by its bytes, until they are delivered', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: '1000' });
    expect(await shut()).toEqual([]);
    const accepted = await service.post(Buffer.alloc(1000));
    expect(accepted.status).toBe(202);
    expect(await shut()).toEqual(['bytes 1']);
    expect((await service.post(Buffer.alloc(10))).status).toBe(507);
    service.element.options.fault = undefined;
    await eventually(async () => expect(await shut()).toEqual([]));
  });

  it('says what the disk has left, and nothing of that once it cannot be looked at', async () => {
    service = await startAccepting();
    const spool = join(service.running.dataDir, 'spool');
    const { bavail, bsize, blocks } = await statfs(spool);
    const told = (await metric(service, 'spool_free_bytes')) ?? 0;
    expect(Math.abs(told - bavail * bsize)).toBeLessThan(0.1 * blocks * bsize);
    await rm(spool, { recursive: true });
    await writeFile(spool, 'no folder');
    await eventually(async () => expect(await shut()).toEqual(['unusable 1']));
    expect(await metric(service, 'spool_free_bytes')).toBeUndefined();
  });
});
