import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { smallDisk } from '../support/small-disk.js';

const disk = smallDisk('size=64m');

interface Report {
  readonly details: Record<string, { readonly status: string; readonly message?: string }>;
}

disk.describe(`a service whose disk has become read-only${disk.whyNot}`, () => {
  let service: RunningApp;

  beforeAll(async () => {
    service = await startApp({
      DATA_DIR: disk.path,
      SPOOL_MIN_FREE_BYTES: '0',
      MIN_FREE_DISK_BYTES: '1',
      BODY_MEMORY_BYTES: '100000',
    });
  });

  afterEach(() => disk.remount('rw'));

  afterAll(async () => {
    await service.close();
    disk.unmount();
  });

  async function upload(bytes: number, prefer = ''): Promise<Response> {
    const body = new FormData();
    body.append('file', new Blob([Buffer.alloc(bytes)]), 'a.bin');
    const headers = { Authorization: `Bearer ${await service.token()}`, Prefer: prefer };
    return fetch(`${service.url}/api/v1/files/upload`, { method: 'POST', headers, body });
  }

  async function readiness(): Promise<[number, Report]> {
    const answer = await fetch(`${service.url}/health/ready`);
    return [answer.status, (await answer.json()) as Report];
  }

  it('says so to who uploads and in its readiness, and takes files again afterwards', async () => {
    expect((await upload(1)).status).toBe(201);
    disk.remount('ro');
    const large = await upload(3_000_000);
    expect([large.status, await large.json()]).toMatchObject([
      503,
      { code: 'QUEUE_UNAVAILABLE', detail: 'Files cannot be kept for later: the disk is read-only.' },
    ]);
    expect(large.headers.has('retry-after')).toBe(true);
    await eventually(async () => {
      const [status, { details }] = await readiness();
      expect([status, details.spool?.message, details.disk?.message]).toEqual([
        503,
        'the disk of the spool is read-only',
        'the disk is read-only',
      ]);
    });
    const later = await upload(1, 'respond-async');
    expect([later.status, await later.json()]).toMatchObject([
      503,
      { code: 'QUEUE_UNAVAILABLE', detail: 'Files cannot be kept for later: the disk is read-only.' },
    ]);
    disk.remount('rw');
    expect((await upload(1)).status).toBe(201);
    await eventually(async () => expect((await readiness())[0]).toBe(200));
  });
});
