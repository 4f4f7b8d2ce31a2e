import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const ASYNC = { Prefer: 'respond-async' };
const NOTHING = Buffer.alloc(0);
const SHA256_OF_NOTHING = createHash('sha256').digest('hex');
const DIGEST_OF_NOTHING = `sha-256=:${createHash('sha256').digest('base64')}:`;

describe('a file of no bytes, where some elements take one', () => {
  let service: AcceptingService;
  let refusing: StorageElementServer;
  let first: StorageElementServer;
  let second: StorageElementServer;

  beforeAll(async () => {
    [refusing, first, second] = await Promise.all([
      StorageElementServer.start(),
      StorageElementServer.start(),
      StorageElementServer.start(),
    ]);
    const temporary = { driver: 'http', mode: 'edit' };
    service = await startAccepting({
      STORAGE_ELEMENTS: JSON.stringify([
        { ...temporary, id: 'refusing', url: refusing.url, priority: 1 },
        { ...temporary, id: 'first', url: first.url, priority: 2, acceptsEmptyFiles: true },
        { ...temporary, id: 'second', url: second.url, priority: 3, acceptsEmptyFiles: true },
        { driver: 'http', id: 'permanent', url: refusing.url, mode: 'rw' },
      ]),
      STORAGE_RETRY_ATTEMPTS: '2',
    });
  });

  beforeEach(() => {
    for (const element of [refusing, first, second]) {
      element.options.fault = undefined;
      element.uploads.length = 0;
      element.files.clear();
    }
  });

  afterAll(async () => {
    await service.close();
    await Promise.all([refusing.close(), first.close(), second.close()]);
  });

  async function postForm(form: Buffer, headers: Record<string, string> = {}): Promise<Response> {
    return service.call('/api/v1/files/upload', {
      method: 'POST',
      headers: { 'Content-Type': MULTIPART_TYPE, ...headers },
      body: new Uint8Array(form),
    });
  }

  const receiptIn = async (answer: Response): Promise<Json> => (await answer.json()) as Json;

  /** Sends a `PUT` as it stands, without what an HTTP library adds. */
  async function putRaw(id: string, headers: Record<string, string>, body = ''): Promise<unknown[]> {
    const client = await RawClient.connect(service.running.port);
    const authorization = `Bearer ${await service.running.token()}`;
    client.head(`PUT /api/v1/files/${id}`, { Authorization: authorization, ...headers }).send(body);
    const answer = await client.response();
    client.close();
    const { size, code } = answer.json();
    return [answer.status, size ?? code];
  }

  it('is stored by a form that names it, at the first element that takes it', async () => {
    const answer = await postForm(multipart([filePart('', '.gitkeep')]));
    expect(answer.status).toBe(201);
    const receipt = await receiptIn(answer);
    const about = { original_filename: '.gitkeep', content_type: 'text/plain', size: 0, status: 'active' };
    expect(receipt).toMatchObject({ ...about, checksum: SHA256_OF_NOTHING });
    expect([...first.files.values()]).toMatchObject([{ filename: '.gitkeep', size: 0 }]);
    expect([refusing.uploads, second.uploads]).toEqual([[], []]);
    expect(await (await service.call(`/api/v1/files/${String(receipt.upload_id)}`)).json()).toMatchObject({
      size: 0,
      checksum: SHA256_OF_NOTHING,
    });
  });

  it('is none in a form in which no file was chosen', async () => {
    const answer = await postForm(multipart([filePart('', '')]));
    expect(await answer.json()).toMatchObject({ status: 400, code: 'EMPTY_FILE' });
    expect(first.uploads).toEqual([]);
    expect((await postForm(multipart([filePart('some', '')]))).status).toBe(201);
  });

  it('is stored by a PUT, and found when that is repeated', async () => {
    const id = randomUUID();
    const headers = {
      'Content-Type': 'text/plain',
      'Content-Disposition': 'attachment; filename="empty.txt"',
      'Repr-Digest': DIGEST_OF_NOTHING,
    };
    const answer = await service.put(id, NOTHING, headers);
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ upload_id: id, size: 0, original_filename: 'empty.txt' });
    const again = await service.put(id, NOTHING, headers);
    expect([again.status, (await receiptIn(again)).checksum]).toEqual([200, SHA256_OF_NOTHING]);
    expect((await service.put(id, Buffer.from('x'))).status).toBe(409);
    expect(first.uploads).toHaveLength(1);
  });

  it('is stored by a PUT without a name, chunked or not, and is none where there is no body at all', async () => {
    expect(await putRaw(randomUUID(), { 'Content-Length': '0' })).toEqual([201, 0]);
    expect(await putRaw(randomUUID(), { 'Transfer-Encoding': 'chunked' }, '0\r\n\r\n')).toEqual([201, 0]);
    expect(await putRaw(randomUUID(), {})).toEqual([400, 'EMPTY_FILE']);
    expect([...first.files.values()]).toMatchObject([{ filename: 'unnamed' }, { filename: 'unnamed' }]);
  });

  it('is held against the digest that the client declared', async () => {
    const wrong = { 'Repr-Digest': `sha-256=:${'A'.repeat(43)}=:` };
    const answer = await service.put(randomUUID(), NOTHING, wrong);
    expect(await answer.json()).toMatchObject({ status: 400, code: 'DIGEST_MISMATCH' });
    expect(first.uploads).toEqual([]);
  });

  it('is accepted where the client prefers that, and delivered', async () => {
    for (const send of [
      () => postForm(multipart([filePart('')]), ASYNC),
      () => service.put(randomUUID(), NOTHING, ASYNC),
    ]) {
      const answer = await send();
      expect(answer.status).toBe(202);
      const { upload_id: id } = await receiptIn(answer);
      expect(await service.untilStatus(id, 'active')).toMatchObject({ size: 0, checksum: SHA256_OF_NOTHING });
    }
    expect(first.files.size).toBe(2);
    expect(refusing.uploads).toEqual([]);
    await eventually(async () => expect(await service.spooled()).toEqual([]));
  });

  it('goes to the next element that takes it where the first one fails', async () => {
    first.options.fault = DOWN;
    expect((await postForm(multipart([filePart('')]))).status).toBe(201);
    expect((await service.put(randomUUID(), NOTHING)).status).toBe(201);
    expect([...second.files.values()]).toMatchObject([{ size: 0 }, { size: 0 }]);
    expect(refusing.uploads).toEqual([]);
  });

  it('is kept while no element that takes it is there, and delivered when one is back', async () => {
    first.options.fault = DOWN;
    second.options.fault = DOWN;
    const id = randomUUID();
    expect((await service.put(id, NOTHING)).status).toBe(202);
    expect((await service.put(id, NOTHING)).status).toBe(202);
    expect((await service.put(id, Buffer.from('x'))).status).toBe(409);
    first.options.fault = undefined;
    expect(await service.untilStatus(id, 'active')).toMatchObject({ size: 0 });
    expect(first.files.size).toBe(1);
    expect(refusing.uploads).toEqual([]);
  });

  it('is refused, and not kept for later, where no element of its kind takes one', async () => {
    const permanent = multipart([{ name: 'retention_policy', value: 'permanent' }, filePart('')]);
    for (const headers of [{}, ASYNC]) {
      const answer = await postForm(permanent, headers);
      expect(await answer.json()).toMatchObject({ status: 400, code: 'EMPTY_FILE', retryable: false });
    }
    expect(refusing.uploads).toEqual([]);
    expect(await service.spooled()).toEqual([]);
  });
});
