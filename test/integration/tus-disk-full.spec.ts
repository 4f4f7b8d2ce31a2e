import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { smallDisk } from '../support/small-disk.js';
import { TusRequests } from '../support/tus-requests.js';

const MIB = 1024 ** 2;
const disk = smallDisk('size=4m');
const filler = join(disk.path, 'filler');

disk.describe(`tus uploads on a disk of 4 MiB${disk.whyNot}`, () => {
  let running: RunningApp;
  let tus: TusRequests;

  beforeAll(async () => {
    running = await startApp({ SPOOL_DIR: join(disk.path, 'spool'), SPOOL_MIN_FREE_BYTES: '0' });
    tus = new TusRequests(running, await running.token());
  });

  afterAll(async () => {
    await running.close();
    disk.unmount();
  });

  it('keep what there was room for, and go on from there once there is more', async () => {
    writeFileSync(filler, Buffer.alloc(2 * MIB, 1));
    const bytes = randomBytes(3 * MIB);
    const location = await tus.begin(bytes.length);
    const full = await tus.patch(location, 0, bytes);
    expect(full.status).toBe(507);
    expect(full.body).toMatchObject({ code: 'SPOOL_FULL', retryable: true });
    const offset = Number(full.headers['upload-offset']);
    expect(offset).toBeGreaterThan(MIB);
    expect((await tus.head(location)).headers['upload-offset']).toBe(String(offset));
    // Nothing more fits, and nothing is lost by trying.
    const again = await tus.patch(location, offset, bytes.subarray(offset));
    expect(again.status).toBe(507);
    await rm(filler);
    const now = Number((await tus.head(location)).headers['upload-offset']);
    expect(now).toBeGreaterThanOrEqual(offset);
    expect((await tus.patch(location, now, bytes.subarray(now))).status).toBe(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({
      status: 'active',
      checksum: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  it('refuse a new one where nothing fits', async () => {
    writeFileSync(filler, Buffer.alloc(3.5 * MIB, 1));
    const location = await tus.begin(MIB);
    expect((await tus.patch(location, 0, randomBytes(MIB))).status).toBe(507);
    await rm(filler);
    await tus.remove(location).expect(204);
  });

  it('tell where a creation is that brought more than there was room for, and how far', async () => {
    writeFileSync(filler, Buffer.alloc(2 * MIB, 1));
    const bytes = randomBytes(3 * MIB);
    const full = await tus.create({ 'Upload-Length': String(bytes.length) }, bytes);
    expect([full.status, full.body.code]).toEqual([507, 'SPOOL_FULL']);
    const location = String(full.headers.location);
    expect(Number(full.headers['upload-offset'])).toBeGreaterThan(MIB);
    expect((await tus.head(location)).headers['upload-offset']).toBe(full.headers['upload-offset']);
    await rm(filler);
    await tus.remove(location).expect(204);
  });
});
