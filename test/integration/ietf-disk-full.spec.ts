import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, progressIn } from '../support/ietf-requests.js';
import { smallDisk } from '../support/small-disk.js';

const MIB = 1024 ** 2;
const LAST = { 'Upload-Complete': '?1' };
const disk = smallDisk('size=4m');
const filler = join(disk.path, 'filler');

disk.describe(`uploads of the IETF's kind on a disk of 4 MiB${disk.whyNot}`, () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp({ SPOOL_DIR: join(disk.path, 'spool'), SPOOL_MIN_FREE_BYTES: '0' });
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(async () => {
    await running.close();
    disk.unmount();
  });

  it('tell how much there was room for, and where to go on', async () => {
    writeFileSync(filler, Buffer.alloc(2 * MIB, 1));
    const bytes = randomBytes(3 * MIB);
    const full = await ietf.create({ ...LAST, 'Upload-Length': String(bytes.length) }, bytes);
    const location = String(full.headers.location);
    const offset = Number(full.headers['upload-offset']);
    expect([full.status, full.body.code, full.headers['upload-complete']]).toEqual([507, 'SPOOL_FULL', '?0']);
    expect(full.headers['upload-limit']).toMatch(/^max-size=\d+, max-age=\d+$/);
    expect(offset).toBeGreaterThan(MIB);
    expect(progressIn(await ietf.head(location))).toEqual([204, '?0', String(offset)]);
    const again = await ietf.append(location, offset, bytes.subarray(offset), LAST);
    expect(again.status).toBe(507);
    const now = Number(again.headers['upload-offset']);
    expect(now).toBeGreaterThanOrEqual(offset);
    await rm(filler);
    const last = await ietf.append(location, now, bytes.subarray(now), LAST);
    expect(last.body.checksum).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
});
