import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { storedPaths } from '../support/stored-files.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const HOUR_MS = 3_600_000;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a tus upload', () => {
  let dataDir: string;
  let running: RunningApp;
  let tus: TusRequests;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-tus-'));
    await start();
  });

  afterEach(async () => {
    await running.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(variables: Record<string, string> = {}): Promise<void> {
    running = await startApp({ DATA_DIR: dataDir, RESUMABLE_SWEEP_INTERVAL_MS: '200', ...variables });
    tus = new TusRequests(running, await running.token());
  }

  async function restart(variables: Record<string, string> = {}): Promise<void> {
    await running.close();
    await start(variables);
  }

  const folderOf = (location: string): string =>
    join(dataDir, 'spool', 'uploads', pathOf(location).split('/').at(-1) ?? '');

  /** Makes all files of an upload as old as that. */
  async function age(location: string, ms: number): Promise<void> {
    const then = new Date(Date.now() - ms);
    for (const name of await readdir(folderOf(location)))
      await utimes(join(folderOf(location), name), then, then);
  }

  it('goes on after the service was restarted, more than once', async () => {
    const bytes = randomBytes(2_000_000);
    const location = await tus.begin(bytes.length);
    for (let offset = 0; offset < bytes.length; offset += 500_000) {
      expect((await tus.head(location)).headers['upload-offset']).toBe(String(offset));
      expect((await tus.patch(location, offset, bytes.subarray(offset, offset + 500_000))).status).toBe(204);
      await restart();
    }
    expect((await tus.receiptOf(location)).body).toMatchObject({
      size: bytes.length,
      checksum: sha256(bytes),
    });
    expect((await tus.head(location)).headers['upload-offset']).toBe(String(bytes.length));
    expect((await tus.patch(location, bytes.length, Buffer.alloc(0))).status).toBe(204);
    await eventually(async () => expect(await readdir(folderOf(location))).toEqual(['end', 'info']));
  });

  it('that was complete when the service was killed finds its place without its client', async () => {
    // Nothing takes the file, and it may not be kept: it stays where it is.
    await restart({ DELIVER_LATER: 'false', STORAGE_ELEMENTS: elementsOf('ro') });
    const location = await tus.begin(3);
    const last = await tus.patch(location, 0, Buffer.from('abc'));
    expect(last.status).toBe(503);
    expect((await tus.head(location)).headers['upload-offset']).toBe('3');
    await age(location, HOUR_MS);
    await restart();
    await eventually(async () =>
      expect((await tus.receiptOf(location)).body).toMatchObject({ size: 3, status: 'active' }),
    );
    expect((await storedPaths(dataDir)).filter((path) => path.endsWith('.content'))).toHaveLength(1);
  });

  it('is given up when nobody goes on with it, with its bytes', async () => {
    const location = await tus.begin(10);
    await tus.patch(location, 0, Buffer.from('abc')).expect(204);
    await restart();
    await age(location, 25 * HOUR_MS);
    await eventually(async () => expect(await readdir(folderOf(location))).toEqual(['end', 'info']));
    const { status, headers } = await tus.head(location);
    expect(status).toBe(410);
    expect(headers).not.toHaveProperty('upload-offset');
    expect((await tus.patch(location, 3, Buffer.from('d'))).body).toMatchObject({ code: 'UPLOAD_EXPIRED' });
    await age(location, 25 * HOUR_MS);
    await eventually(async () => expect(await readdir(join(dataDir, 'spool', 'uploads'))).toEqual([]));
    await tus.head(location).expect(404);
  });

  it('is not given up while bytes come', async () => {
    const location = await tus.begin(10);
    await age(location, 23 * HOUR_MS);
    await tus.patch(location, 0, Buffer.from('abc')).expect(204);
    await age(location, 23 * HOUR_MS);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await tus.head(location)).headers['upload-offset']).toBe('3');
  });

  it('is removed on request, and so are its bytes', async () => {
    const location = await tus.begin(10);
    await tus.patch(location, 0, Buffer.from('abc')).expect(204);
    await tus.remove(location).expect(204);
    await tus.head(location).expect(410);
    await tus.remove(location).expect(410);
    await eventually(async () => expect(await readdir(folderOf(location))).toEqual(['end', 'info']));
  });

  it('leaves its file where it is when it is removed afterwards', async () => {
    const location = await tus.begin(3);
    await tus.patch(location, 0, Buffer.from('abc')).expect(204);
    await tus.remove(location).expect(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'active' });
  });

  it('whose file no storage takes is kept and delivered later', async () => {
    // Where the element's folder is to be there is a file.
    await writeFile(join(dataDir, 'other'), '');
    await restart({ STORAGE_ELEMENTS: elementsOf('edit') });
    const bytes = randomBytes(400_000);
    const location = await tus.begin(bytes.length);
    await tus.patch(location, 0, bytes.subarray(0, 100_000)).expect(204);
    await tus.patch(location, 100_000, bytes.subarray(100_000)).expect(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ checksum: sha256(bytes), file_id: null });
    await rm(join(dataDir, 'other'));
    await eventually(async () =>
      expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'active' }),
    );
  });

  function elementsOf(mode: string): string {
    return JSON.stringify([
      { id: 'edit-01', mode, driver: 'local', path: join(dataDir, 'other'), priority: 100 },
    ]);
  }
});
