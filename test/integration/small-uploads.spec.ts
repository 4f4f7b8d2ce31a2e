import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, DOWN, sha256, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { IetfRequests } from '../support/ietf-requests.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const BYTES = randomBytes(1_000);
const LENGTH = { 'Upload-Length': String(BYTES.length) };

describe('an upload that is small and whole', () => {
  let dataDir: string;
  let service: AcceptingService;
  let tus: TusRequests;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-small-'));
    await start();
  });

  afterEach(() => service.close());

  async function start(variables: Record<string, string> = {}): Promise<void> {
    service = await startAccepting({ DATA_DIR: dataDir, RESUMABLE_SWEEP_INTERVAL_MS: '200', ...variables });
    service.element.options.fault = undefined;
    tus = new TusRequests(service.running, await service.running.token());
  }

  /** Another process that finds what the one before has left. */
  async function restart(variables: Record<string, string> = {}): Promise<void> {
    await service.running.close();
    await service.element.close();
    await start(variables);
  }

  const idOf = (location: unknown): string => basename(pathOf(String(location)));
  const entryOf = (location: unknown): string => join(dataDir, 'spool', 'uploads', idOf(location));
  const entries = (): Promise<string[]> => readdir(join(dataDir, 'spool', 'uploads')).catch(() => []);

  async function createWhole(): Promise<string> {
    const { status, headers } = await tus.create(LENGTH, BYTES);
    expect([status, headers['upload-offset']]).toEqual([201, String(BYTES.length)]);
    return String(headers.location);
  }

  async function expectComplete(location: string): Promise<void> {
    const { status, headers } = await tus.head(location);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'upload-offset': '1000', 'upload-length': '1000' });
    expect(headers).toHaveProperty('content-location');
  }

  it('is one file once it has its place, which tells of it as long as others are told of', async () => {
    const location = await createWhole();
    expect([...service.element.files.values()]).toMatchObject([{ sha256: sha256(BYTES) }]);
    expect((await stat(entryOf(location))).isFile()).toBe(true);
    await expectComplete(location);
    await restart();
    await expectComplete(location);
    expect((await tus.patch(location, BYTES.length, Buffer.alloc(0))).status).toBe(204);
    expect((await tus.patch(location, 0, BYTES)).status).toBe(409);
    const old = new Date(Date.now() - 2 * 86_400_000);
    await utimes(entryOf(location), old, old);
    await eventually(async () => expect(await entries()).toEqual([]));
    await restart();
    expect((await tus.head(location)).status).toBe(404);
  });

  it('can be removed afterwards, and its file stays', async () => {
    const location = await createWhole();
    expect((await tus.remove(location)).status).toBe(204);
    expect((await tus.head(location)).status).toBe(410);
    await restart();
    expect((await tus.head(location)).status).toBe(410);
    expect((await tus.remove(location)).status).toBe(410);
  });

  it('has no file with its bytes, also where it was created before', async () => {
    const location = await tus.begin(BYTES.length);
    expect((await tus.patch(location, 0, BYTES)).status).toBe(204);
    expect((await readdir(entryOf(location))).toSorted()).toEqual(['end', 'info']);
    await restart();
    await expectComplete(location);
  });

  it('is checked before it counts', async () => {
    const sum = { ...LENGTH, 'Upload-Checksum': `sha1 ${Buffer.alloc(20).toString('base64')}` };
    const refused = await tus.create(sum, BYTES);
    expect(refused.status).toBe(460);
    expect(await entries()).toEqual([]);
    const location = await tus.begin(BYTES.length);
    expect((await tus.patch(location, 0, BYTES, sum)).status).toBe(460);
    expect((await tus.head(location)).headers['upload-offset']).toBe('0');
    expect((await tus.patch(location, 0, BYTES)).status).toBe(204);
  });

  it('may be the rest of a larger one that is in files', async () => {
    const location = await tus.begin(BYTES.length);
    expect((await tus.patch(location, 0, BYTES.subarray(0, 300))).status).toBe(204);
    await restart();
    service.element.options.fault = DOWN;
    // No element takes it: it is kept, all of it.
    expect((await tus.patch(location, 300, BYTES.subarray(300))).status).toBe(204);
    service.element.options.fault = undefined;
    await service.untilStatus(idOf(location), 'active');
    expect([...service.element.files.values()]).toMatchObject([{ sha256: sha256(BYTES) }]);
  });

  it('is kept for later where no element takes it', async () => {
    service.element.options.fault = DOWN;
    const location = await createWhole();
    expect((await tus.receiptOf(location)).body).toMatchObject({
      status: expect.stringMatching(/^(accepted|delivering)$/),
    });
    service.element.options.fault = undefined;
    await service.untilStatus(idOf(location), 'active');
    await expectComplete(location);
  });

  it('is nothing where it can be neither stored nor kept, and nobody was told of it', async () => {
    await restart({ DELIVER_LATER: 'false' });
    service.element.options.fault = DOWN;
    const { status, headers } = await tus.create(LENGTH, BYTES);
    expect(status).toBeGreaterThanOrEqual(500);
    expect(headers).not.toHaveProperty('upload-offset');
    expect(await entries()).toEqual([]);
    service.element.options.fault = undefined;
    await createWhole();
  });

  it('keeps its bytes where it can be neither stored nor kept, and somebody was told of it', async () => {
    await restart({ DELIVER_LATER: 'false', RESUMABLE_SWEEP_INTERVAL_MS: '3600000' });
    const location = await tus.begin(BYTES.length);
    service.element.options.fault = DOWN;
    expect((await tus.patch(location, 0, BYTES)).status).toBeGreaterThanOrEqual(500);
    expect((await stat(join(entryOf(location), '1-0.seg'))).size).toBe(BYTES.length);
    await restart({ DELIVER_LATER: 'false' });
    await eventually(async () => expectComplete(location));
    expect([...service.element.files.values()]).toMatchObject([{ sha256: sha256(BYTES) }]);
  });

  it('is on the disk before anybody is told how far it is', async () => {
    const location = await tus.begin(BYTES.length);
    const { promise, resolve } = Promise.withResolvers<void>();
    service.element.options.fault = { kind: 'wait', until: promise };
    const placing = tus.patch(location, 0, BYTES).then(({ status }) => status);
    await eventually(() => Promise.resolve(expect(service.element.uploads).toHaveLength(1)));
    expect((await tus.head(location)).headers['upload-offset']).toBe('1000');
    expect((await stat(join(entryOf(location), '1-0.seg'))).size).toBe(BYTES.length);
    resolve();
    expect(await placing).toBe(204);
    await expectComplete(location);
    await eventually(async () =>
      expect((await readdir(entryOf(location))).toSorted()).toEqual(['end', 'info']),
    );
  });

  it('may have the id of one that a power cut has left without a word', async () => {
    await createWhole();
    const ietf = new IetfRequests(service.running, await service.running.token());
    const uploadId = '0198a000-0000-7000-8000-000000000001';
    await writeFile(join(dataDir, 'spool', 'uploads', uploadId), '');
    const answer = await ietf.put(uploadId, { 'Upload-Complete': '?1' }, BYTES);
    expect(answer.status).toBe(201);
    expect(answer.headers['upload-complete']).toBe('?1');
  });

  it('is one file also where it is of the kind of the IETF, unless its client was told where it is', async () => {
    const ietf = new IetfRequests(service.running, await service.running.token());
    const whole = await ietf.create({ 'Upload-Complete': '?1' }, BYTES);
    expect(whole.status).toBe(201);
    expect((await stat(entryOf(whole.headers.location))).isFile()).toBe(true);
    const told = await ietf.create({ 'Upload-Complete': '?1', 'Upload-Draft-Interop-Version': '8' }, BYTES);
    expect(told.status).toBe(201);
    expect((await stat(entryOf(told.headers.location))).isDirectory()).toBe(true);
    await restart();
    const asking = new IetfRequests(service.running, await service.running.token());
    for (const { headers } of [whole, told]) {
      const answer = await asking.head(String(headers.location));
      expect(answer.headers).toMatchObject({ 'upload-complete': '?1', 'upload-offset': '1000' });
    }
  });
});
