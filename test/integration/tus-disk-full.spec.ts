import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { smallDisk } from '../support/small-disk.js';
import { RawClient } from '../support/raw-client.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

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

const roomy = smallDisk('size=8m');

roomy.describe(`tus uploads on a disk of 8 MiB of which 2 stay free${roomy.whyNot}`, () => {
  let running: RunningApp;
  let tus: TusRequests;

  beforeAll(async () => {
    const spool = join(roomy.path, 'spool');
    running = await startApp({ SPOOL_DIR: spool, SPOOL_MIN_FREE_BYTES: String(2 * MIB) });
    tus = new TusRequests(running, await running.token());
  });

  afterAll(async () => {
    await running.close();
    roomy.unmount();
  });

  it('are not created where they would not fit', async () => {
    const refused = await tus.create({ 'Upload-Length': String(7 * MIB) });
    expect([refused.status, refused.body.code]).toEqual([507, 'SPOOL_FULL']);
    expect(refused.headers.location).toBeUndefined();
    await tus.remove(await tus.begin(5 * MIB)).expect(204);
  });

  it('take no bytes that would not fit, and none is read', async () => {
    const created = await tus.create({ 'Upload-Defer-Length': '1' }).expect(201);
    const client = await RawClient.connect(running.port);
    client.head(`PATCH ${pathOf(String(created.headers.location))}`, {
      Authorization: `Bearer ${await running.token()}`,
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': 0,
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': 7 * MIB,
      Expect: '100-continue',
    });
    const refused = await client.response();
    client.close();
    expect([refused.status, refused.headers.get('upload-offset')]).toEqual([507, '0']);
    const bytes = randomBytes(3 * MIB);
    const headers = { 'Upload-Length': String(bytes.length) };
    await tus.patch(String(created.headers.location), 0, bytes, headers).expect(204);
    expect((await tus.receiptOf(String(created.headers.location))).body).toMatchObject({ status: 'active' });
  });

  it('have the room back of requests that broke off', async () => {
    const location = await tus.begin(5 * MIB);
    for (let tries = 0; tries < 4; tries += 1) {
      const client = await RawClient.connect(running.port);
      client.head(`PATCH ${pathOf(location)}`, {
        Authorization: `Bearer ${await running.token()}`,
        'Tus-Resumable': '1.0.0',
        'Upload-Offset': 0,
        'Content-Type': 'application/offset+octet-stream',
        'Content-Length': 4 * MIB,
        Expect: '100-continue',
      });
      expect((await client.response()).status).toBe(100);
      client.reset();
      expect((await tus.head(location)).headers['upload-offset']).toBe('0');
    }
    await tus.remove(location).expect(204);
  });
});
