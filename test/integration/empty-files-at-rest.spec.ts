import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesIn } from '../contract/s3-element-fixture.js';
import type { AcceptingService, Json } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { storedPaths } from '../support/stored-files.js';
import { postForm, putBytes, s3Entry, s3Stage } from './s3-stage.js';

const NOTHING = Buffer.alloc(0);
const EMPTY = { size: 0, checksum: createHash('sha256').digest('hex') };
const ASYNC = { Prefer: 'respond-async' };

interface Started {
  readonly service: AcceptingService;
  /** Would come first, but takes no such file. */
  readonly refusing: StorageElementServer;
  /** The sizes of the files that came to rest. */
  readonly sizes: () => Promise<readonly number[]>;
}

const WAYS: readonly (readonly [string, (service: AcceptingService) => Promise<Response>])[] = [
  ['a form', (service) => postForm(service, NOTHING)],
  ['a chunked form', (service) => postForm(service, NOTHING, { chunked: true })],
  ['a PUT', (service) => putBytes(service, randomUUID(), NOTHING)],
  ['a chunked PUT', (service) => putBytes(service, randomUUID(), NOTHING, { chunked: true })],
];

describe.each(['local', 's3'])('a file of no bytes at an element that is %s', (driver) => {
  const stage = s3Stage();

  async function start(): Promise<Started> {
    const refusing = await StorageElementServer.start();
    stage.later(() => refusing.close());
    const first = { id: 'far', driver: 'http', url: refusing.url, mode: 'edit', priority: 0 };
    const started = driver === 's3' ? await startWithBucket(first) : await startWithFolder(first);
    return { ...started, refusing };
  }

  async function startWithBucket(first: object): Promise<Omit<Started, 'refusing'>> {
    const double = await stage.store();
    const service = await stage.service([first, s3Entry(double)]);
    return { service, sizes: () => Promise.resolve(filesIn(double).map(({ size }) => size)) };
  }

  async function startWithFolder(first: object): Promise<Omit<Started, 'refusing'>> {
    const folder = await mkdtemp(join(tmpdir(), 'empty-files-'));
    stage.later(() => rm(folder, { recursive: true }));
    const path = join(folder, 'storage');
    const service = await stage.service([first, { id: 'near', driver, path, mode: 'edit', priority: 1 }]);
    return { service, sizes: () => contentSizes(folder) };
  }

  async function contentSizes(folder: string): Promise<number[]> {
    const contents = (await storedPaths(folder)).filter((path) => path.endsWith('.content'));
    return Promise.all(contents.map(async (path) => (await stat(path)).size));
  }

  it.each(WAYS)('is stored at once: %s', async (_, send) => {
    const { service, refusing, sizes } = await start();
    const answer = await send(service);
    const receipt = (await answer.json()) as Json;
    expect([answer.status, receipt]).toMatchObject([201, { ...EMPTY, status: 'active' }]);
    const later = await service.call(`/api/v1/files/${String(receipt.upload_id)}`);
    expect(await later.json()).toEqual(receipt);
    expect([await sizes(), refusing.uploads]).toEqual([[0], []]);
  });

  it('is found again, and is not another file', async () => {
    const { service, sizes } = await start();
    const id = randomUUID();
    expect((await putBytes(service, id, NOTHING)).status).toBe(201);
    expect((await putBytes(service, id, NOTHING)).status).toBe(200);
    expect((await putBytes(service, id, Buffer.from('x'))).status).toBe(409);
    expect(await sizes()).toEqual([0]);
  });

  it('is accepted, and delivered', async () => {
    const { service, refusing, sizes } = await start();
    const id = randomUUID();
    expect((await putBytes(service, id, NOTHING, { headers: ASYNC })).status).toBe(202);
    expect(await service.untilStatus(id, 'active')).toMatchObject(EMPTY);
    expect([await sizes(), refusing.uploads]).toEqual([[0], []]);
    await eventually(async () => expect(await service.spooled()).toEqual([]));
  });
});
