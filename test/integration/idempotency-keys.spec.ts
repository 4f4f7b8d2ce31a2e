import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { uploadIdOfKey } from '../../src/ingest/upload-id-of-key.js';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart, type Part } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { storedPaths } from '../support/stored-files.js';

const ASYNC = { Prefer: 'respond-async' };
/** One is here whole before it is stored, the other is a stream. */
const SMALL = Buffer.from('hello');
const LARGE = randomBytes(300_000);

const FIELDS: Readonly<Record<string, string>> = {
  description: 'a report',
  ttl_days: '7',
  tags: '["a","b"]',
  metadata: '{"project":7,"case":1546130668394913822,"rate":1.10}',
};
const OTHER_FIELDS: readonly [string, Readonly<Record<string, string>>][] = [
  ['another description', { ...FIELDS, description: 'another' }],
  ['no description', { ...FIELDS, description: '' }],
  ['another time', { ...FIELDS, ttl_days: '8' }],
  ['another policy', { ...FIELDS, ttl_days: '', retention_policy: 'permanent' }],
  ['tags in another order', { ...FIELDS, tags: '["b","a"]' }],
  ['other metadata', { ...FIELDS, metadata: '{"project":7,"case":1546130668394913823,"rate":1.10}' }],
];

const form = (bytes: Buffer, fields = FIELDS, file: Part = filePart(bytes)): Buffer =>
  multipart([...Object.entries(fields).map(([name, value]) => ({ name, value })), file]);

async function post(
  service: AcceptingService,
  key: string,
  body: Buffer,
  { headers = {}, claims = {} }: { headers?: Record<string, string>; claims?: Json } = {},
): Promise<[number, Json]> {
  const answer = await service.call(
    '/api/v1/files/upload',
    {
      method: 'POST',
      headers: { 'Content-Type': MULTIPART_TYPE, 'Idempotency-Key': key, ...headers },
      body: new Uint8Array(body),
    },
    claims,
  );
  return [answer.status, (await answer.json()) as Json];
}

async function expectReused(answer: Promise<[number, Json]>): Promise<void> {
  const reused = { code: 'IDEMPOTENCY_KEY_REUSED', status: 422, retryable: false };
  expect(await answer).toEqual([422, expect.objectContaining(reused)]);
}

describe('a form with an Idempotency-Key', () => {
  let folder: string;
  let service: AcceptingService;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'idempotency-keys-'));
    service = await startAccepting({
      STORAGE_ELEMENTS: JSON.stringify(
        ['edit', 'rw'].map((mode) => ({
          id: mode,
          driver: 'local',
          path: join(folder, 'storage', mode),
          mode,
        })),
      ),
    });
  });

  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });

  async function storedCount(): Promise<number> {
    return (await storedPaths(folder)).filter((path) => path.endsWith('.content')).length;
  }

  it.each([
    ['small', SMALL],
    ['large', LARGE],
  ])('is stored once, however often it comes: %s', async (_, bytes) => {
    const key = randomUUID();
    const before = await storedCount();
    const [status, receipt] = await post(service, `"${key}"`, form(bytes));
    expect([status, receipt]).toMatchObject([201, { status: 'active', size: bytes.length }]);
    // Members in another order are the same; so is a key without its quotes.
    const metadata = '{"case":1546130668394913822,"rate":1.10,"project":7}';
    expect(await post(service, key, form(bytes, { ...FIELDS, metadata }))).toEqual([200, receipt]);
    expect(await post(service, key, form(bytes), { headers: ASYNC })).toEqual([200, receipt]);
    expect(await storedCount()).toBe(before + 1);
    const found = await service.call(`/api/v1/files/${String(receipt.upload_id)}`);
    expect(await found.json()).toEqual(receipt);
  });

  describe('that was used', () => {
    const key = randomUUID();
    let first: [number, Json];
    let stored: number;

    beforeAll(async () => {
      first = await post(service, key, form(SMALL));
      stored = await storedCount();
    });

    it.each(OTHER_FIELDS)('is refused with %s', async (_, fields) => {
      await expectReused(post(service, key, form(SMALL, fields)));
      await expectReused(post(service, key, form(SMALL, fields), { headers: ASYNC }));
    });

    it.each<[string, Part]>([
      ['other bytes', filePart('other')],
      ['no bytes', filePart('')],
      ['another name', filePart(SMALL, 'b.txt')],
      ['another type', { ...filePart(SMALL), contentType: 'text/html' }],
    ])('is refused with %s', async (_, file) => {
      await expectReused(post(service, key, form(SMALL, FIELDS, file)));
    });

    it('is another one of another caller', async () => {
      const [status, receipt] = await post(service, key, form(LARGE), { claims: { sub: 'bob' } });
      expect([status, receipt]).toMatchObject([201, { uploaded_by: 'bob', size: LARGE.length }]);
      expect(receipt.upload_id).not.toBe(first[1].upload_id);
    });

    it('leaves the first one as it was', async () => {
      expect(await post(service, key, form(SMALL))).toEqual([200, first[1]]);
      expect(await storedCount()).toBe(stored + 1);
    });
  });

  it('is in progress while it comes', async () => {
    const key = randomUUID();
    const body = form(LARGE);
    const client = await RawClient.connect(service.running.port);
    client.head('POST /api/v1/files/upload', {
      Authorization: `Bearer ${await service.running.token()}`,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': body.length,
      'Idempotency-Key': key,
      Expect: '100-continue',
    });
    expect((await client.response()).status).toBe(100);
    expect(await post(service, key, body)).toMatchObject([409, { code: 'UPLOAD_IN_PROGRESS' }]);
    client.send(body);
    const answer = await client.response();
    expect(answer.status).toBe(201);
    client.close();
    expect(await post(service, key, body)).toEqual([200, answer.json()]);
  });

  it('is accepted once', async () => {
    const key = randomUUID();
    const [status, receipt] = await post(service, key, form(SMALL), { headers: ASYNC });
    expect(status).toBe(202);
    await expectReused(post(service, key, form(SMALL, { description: 'other' }), { headers: ASYNC }));
    await service.untilStatus(receipt.upload_id, 'active');
    expect(await post(service, key, form(SMALL))).toMatchObject([200, { upload_id: receipt.upload_id }]);
    await expectReused(post(service, key, form(SMALL, { description: 'other' })));
  });

  it.each(['', '""', '"a', 'a b', '"a", "b"', `"${'x'.repeat(256)}"`])('is refused: %j', async (key) => {
    const [status, problem] = await post(service, key, form(SMALL));
    expect([status, problem]).toMatchObject([
      400,
      { code: 'VALIDATION_ERROR', errors: [{ field: 'Idempotency-Key' }] },
    ]);
  });

  it('says nothing to a PUT, whose id does the same', async () => {
    const headers = { 'Idempotency-Key': '"a", "b"', 'Content-Type': 'text/plain' };
    const ids = [randomUUID(), randomUUID()];
    for (const id of ids) {
      const answer = await service.put(id, SMALL, headers);
      expect([answer.status, await answer.json()]).toMatchObject([201, { upload_id: id }]);
    }
  });
});

describe('a form with an Idempotency-Key, where the element does not remember what was said of a file', () => {
  let service: AcceptingService;

  beforeAll(async () => {
    service = await startAccepting();
  });

  beforeEach(() => {
    Object.assign(service.element.options, { fault: undefined, choosesOwnIds: false });
  });

  afterAll(() => service.close());

  it('is stored once, and is known by what was written down', async () => {
    const key = randomUUID();
    const [status, receipt] = await post(service, key, form(SMALL));
    expect([status, receipt]).toMatchObject([201, { description: 'a report', metadata: { project: 7 } }]);
    const url = `/api/v1/files/${String(receipt.upload_id)}`;
    await eventually(async () => {
      expect(await (await service.call(url)).json()).toMatchObject({ description: 'a report' });
    });
    for (const [id, file] of service.element.files)
      service.element.files.set(id, { ...file, filename: 'as the element writes it' });
    expect(await post(service, key, form(SMALL))).toEqual([200, receipt]);
    for (const [, fields] of OTHER_FIELDS.filter(([, { retention_policy: policy }]) => !policy))
      await expectReused(post(service, key, form(SMALL, fields)));
    expect(service.element.uploads).toHaveLength(1);
  });

  it('is found where nobody has written down what was said of it', async () => {
    const key = randomUUID();
    const id = uploadIdOfKey('alice', key);
    const [, receipt] = await post(service, randomUUID(), form(SMALL));
    const file = service.element.files.get(String(receipt.upload_id));
    if (!file) throw new Error('the element does not have the file');
    service.element.files.set(id, { ...file, fileId: id, filename: 'as the element writes it' });
    expect(await post(service, key, form(SMALL))).toMatchObject([200, { upload_id: id }]);
  });

  it('is stored once where the element chooses its ids', async () => {
    service.element.options.choosesOwnIds = true;
    const key = randomUUID();
    const [status, receipt] = await post(service, key, form(SMALL));
    expect(status).toBe(201);
    expect(receipt.file_id).not.toBe(receipt.upload_id);
    const { length: count } = service.element.uploads;
    expect(await post(service, key, form(SMALL))).toEqual([200, receipt]);
    await expectReused(post(service, key, form(SMALL, { description: 'other' })));
    await expectReused(post(service, key, form(LARGE)));
    expect(service.element.uploads).toHaveLength(count);
  });

  it('is stored anew where the element does not have it any more', async () => {
    const key = randomUUID();
    const [, receipt] = await post(service, key, form(SMALL));
    service.element.files.delete(String(receipt.upload_id));
    expect(await post(service, key, form(SMALL))).toMatchObject([201, { upload_id: receipt.upload_id }]);
  });

  it('is kept once while the element is away', async () => {
    service.element.options.fault = DOWN;
    const key = randomUUID();
    const [status, receipt] = await post(service, key, form(LARGE));
    expect(status).toBe(202);
    expect(await post(service, key, form(LARGE))).toMatchObject([202, { upload_id: receipt.upload_id }]);
    await expectReused(post(service, key, form(LARGE, { description: 'other' })));
    await expectReused(post(service, key, form(SMALL)));
    service.element.options.fault = undefined;
    await service.untilStatus(receipt.upload_id, 'active');
    expect(await post(service, key, form(LARGE))).toMatchObject([200, { upload_id: receipt.upload_id }]);
    await expectReused(post(service, key, form(LARGE, { description: 'other' })));
  });
});
