import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type AcceptingService, DOWN, EMBEDDED, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { smallDisk } from '../support/small-disk.js';

const MIB = 1024 * 1024;
/** Room for files, and for two databases that begin. */
const disk = smallDisk('size=64m');
/** How long a task waits whose worker could not write down what became of it, and a call for its turn at the database. */
const LEASE = { DELIVERY_LEASE_MS: '2000', DATABASE_STATEMENT_TIMEOUT_MS: '2000' };
const elsewhere = mkdtempSync(join(tmpdir(), 'full-service-'));

disk.describe(`a service whose disk is full${disk.whyNot}`, () => {
  const filler = join(disk.path, 'filler');
  let service: AcceptingService;

  beforeAll(async () => {
    service = await startAccepting({
      DATA_DIR: join(disk.path, 'data'),
      SPOOL_DIR: join(disk.path, 'spool'),
      ...EMBEDDED,
      ...LEASE,
    });
    await service.post(Buffer.from('the first one opens the database'));
  });

  afterEach(() => rmSync(filler, { force: true }));

  afterAll(async () => {
    await service.close();
    disk.unmount();
    rmSync(elsewhere, { recursive: true });
  });

  /** Leaves so many bytes of the disk. */
  function fill(leaving: number): void {
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leaving)));
  }

  const spooled = (): string[] =>
    readdirSync(join(disk.path, 'spool'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      /[.](?:spool|upload)$/.test(name),
    );

  it.each([
    ['no storage takes the file', {}],
    ['the client does not want to wait', { prefer: 'respond-async' }],
  ])('answers 507 in the middle of a file when %s, leaves nothing of it, and lives', async (_, headers) => {
    const before = spooled();
    fill(4 * MIB);
    const answer = await service.post(Buffer.alloc(12 * MIB), headers);
    expect([answer.status, await answer.json()]).toMatchObject([
      507,
      { code: 'SPOOL_FULL', retryable: true },
    ]);
    await eventually(async () => expect(spooled()).toEqual(before));
    expect((await service.call('/health/live')).status).toBe(200);
  });

  it('still stores a file that a storage element takes', async () => {
    service.element.options.fault = undefined;
    await eventually(async () => expect(spooled()).toEqual([]), 20_000);
    fill(0);
    const answer = await service.post(Buffer.alloc(12 * MIB));
    service.element.options.fault = DOWN;
    expect(answer.status).toBe(201);
  });

  it('accepts again once there is room', async () => {
    service.element.options.fault = DOWN;
    fill(0);
    const refused = await service.post(Buffer.from('no room for these'));
    expect([refused.status, await refused.json()]).toMatchObject([507, { code: 'SPOOL_FULL' }]);
    expect(spooled()).toEqual([]);
    rmSync(filler);
    // The database had no room either, and its circuit may be open.
    await eventually(() => expectAccepted(service), 20_000);
    expect(spooled()).toEqual([]);
  });

  it('promises nothing that its database cannot write down, until there is room', async () => {
    const other = await startAccepting({
      DATA_DIR: join(disk.path, 'other'),
      SPOOL_DIR: elsewhere,
      ...EMBEDDED,
      ...LEASE,
    });
    try {
      await expectAccepted(other);
      other.element.options.fault = DOWN;
      fill(0);
      const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => other.post(Buffer.alloc(1, n))));
      const refused = answers.filter(({ status }) => status !== 202);
      expect(refused.length).toBeGreaterThan(0);
      for (const { status, headers } of refused)
        expect([status, headers.has('retry-after')]).toEqual([503, true]);
      rmSync(filler);
      await eventually(() => expectAccepted(other), 20_000);
      const accepted = answers.filter(({ status }) => status === 202);
      for (const answer of accepted) await other.untilStatus(uploadIdOf(await answer.json()), 'active');
    } finally {
      await other.close();
    }
  });
});

/** A file is accepted, and delivered when the storage takes it. */
async function expectAccepted(service: AcceptingService): Promise<void> {
  service.element.options.fault = DOWN;
  const answer = await service.post(Buffer.alloc(2 * MIB));
  service.element.options.fault = undefined;
  expect(answer.status).toBe(202);
  await service.untilStatus(uploadIdOf(await answer.json()), 'active');
}

function uploadIdOf(receipt: unknown): string {
  return (receipt as { upload_id: string }).upload_id;
}
