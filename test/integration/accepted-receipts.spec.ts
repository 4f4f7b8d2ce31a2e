import { existsSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';

const MALLORY = { sub: 'mallory' };
const ADMIN = { sub: 'root', role: 'admin' };
const AUDITOR = { sub: 'auditor', role: undefined, scope: 'admin:read' };

async function statusAndCode(answer: Response): Promise<unknown[]> {
  return [answer.status, ((await answer.json()) as Json).code];
}

describe('the receipt of an accepted upload', () => {
  let service: AcceptingService;

  beforeAll(async () => {
    service = await startAccepting();
  });

  beforeEach(() => {
    service.element.options.fault = DOWN;
    service.element.files.clear();
  });

  afterAll(() => service.close());

  async function accepted(): Promise<string> {
    return String(((await (await service.post(Buffer.from('hello'))).json()) as Json).upload_id);
  }

  function upload(metadata: string): Promise<Response> {
    const body = new FormData();
    body.append('tags', '["a"]');
    body.append('metadata', metadata);
    body.append('file', new Blob(['hello']), 'a.txt');
    return service.call('/api/v1/files/upload', { method: 'POST', body });
  }

  const read = (id: string, claims: Json = {}): Promise<Response> =>
    service.call(`/api/v1/files/${id}`, {}, claims);
  const cancel = (id: string, claims: Json = {}): Promise<Response> =>
    service.call(`/api/v1/files/${id}`, { method: 'DELETE' }, claims);

  it('is there for its owner, for admins, and for nobody else', async () => {
    const id = await accepted();
    const answer = await read(id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toMatchObject({
      upload_id: id,
      file_id: null,
      uploaded_by: 'alice',
      size: 5,
    });
    expect((await read(id.toUpperCase())).status).toBe(200);
    expect((await read(id, ADMIN)).status).toBe(200);
    expect((await read(id, AUDITOR)).status).toBe(200);
    expect(await statusAndCode(await read(id, MALLORY))).toEqual([404, 'NOT_FOUND']);
    const unknown = await read(randomUUID(), MALLORY);
    const hidden = await read(id, MALLORY);
    expect(((await unknown.json()) as Json).detail).toBe(((await hidden.json()) as Json).detail);
    expect((await fetch(`${service.running.url}/api/v1/files/${id}`)).status).toBe(401);
  });

  it('is not there under an id that nobody has, or that is none', async () => {
    expect(await statusAndCode(await read(randomUUID()))).toEqual([404, 'NOT_FOUND']);
    expect(await statusAndCode(await read('upload'))).toEqual([404, 'NOT_FOUND']);
    expect(await statusAndCode(await cancel(randomUUID()))).toEqual([404, 'NOT_FOUND']);
  });

  it('says what became of it: delivered', async () => {
    const id = await accepted();
    service.element.options.fault = undefined;
    expect(await service.untilStatus(id, 'active')).toMatchObject({ file_id: id, description: 'a report' });
    expect(await statusAndCode(await cancel(id))).toEqual([409, 'CONFLICT']);
  });

  it('says what became of it: cancelled, as often as one asks, and then it is not delivered', async () => {
    const id = await accepted();
    // 202 while a delivery is just at it.
    await eventually(async () => expect((await cancel(id)).status).toBe(200));
    const answer = await cancel(id);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ upload_id: id, status: 'cancelled', file_id: null });
    await eventually(async () => expect(await service.spooled()).not.toContain(`${id}.upload`));
    service.element.options.fault = undefined;
    const next = await accepted();
    await service.untilStatus(next, 'active');
    expect([...service.element.files.keys()]).not.toContain(id);
    expect(await (await read(id)).json()).toMatchObject({ status: 'cancelled' });
  });

  it('says that the time of a delivered file is over, and then it cannot be taken back', async () => {
    const id = await accepted();
    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    const database = service.running.app.get(Database, { strict: false });
    const [row] = await database.query<{ description: string }>(
      'SELECT description FROM ingester.uploads WHERE upload_id = $1',
      [id],
    );
    const description: object = JSON.parse(row?.description ?? '');
    const old = JSON.stringify({ ...description, uploadedAt: '2020-01-01T00:00:00.000Z' });
    await database.query('UPDATE ingester.uploads SET description = $2 WHERE upload_id = $1', [id, old]);
    const file = service.element.files.get(id);
    if (file) service.element.files.set(id, { ...file, uploadedAt: '2020-01-02T00:00:00.000Z' });
    expect(await (await read(id)).json()).toMatchObject({ status: 'expired' });
    expect(await statusAndCode(await cancel(id))).toEqual([410, 'UPLOAD_EXPIRED']);
  });

  it.each(['{"id":1546130668394913822,"price":1.10,"__proto__":{"a":[-0,1e400]}}', '{"longer":1,"id":2}'])(
    'has the metadata %s, before and after the delivery, as the element gets it',
    async (written) => {
      const answer = await upload(written);
      expect(answer.status).toBe(202);
      const text = await answer.text();
      expect(text).toContain(`"metadata":${written}`);
      const { upload_id: id } = JSON.parse(text) as Json;
      service.element.options.fault = undefined;
      await service.untilStatus(id, 'active');
      expect(await (await read(String(id))).text()).toContain(`"metadata":${written}`);
      expect(service.element.files.get(String(id))).toMatchObject({ fields: { metadata: written } });
    },
  );

  it('has no metadata where the file was stored at once at an element that does not give it back', async () => {
    service.element.options.fault = undefined;
    const answer = await upload('{"project":7}');
    expect(answer.status).toBe(201);
    const receipt = (await answer.json()) as Json;
    expect(receipt).toMatchObject({ description: null, tags: ['a'], metadata: null });
    const stored = service.element.files.get(String(receipt.file_id));
    expect(stored).toMatchObject({ fields: { metadata: '{"project":7}' } });
    const later = await (await read(String(receipt.upload_id))).json();
    expect(later).toMatchObject({ status: 'active', description: null, tags: null, metadata: null });
    expect(await (await upload('{}')).json()).toMatchObject({ metadata: {} });
  });

  it('is not said to be nowhere while an element cannot be asked', async () => {
    const id = randomUUID();
    await service.element.close();
    const answer = await read(id);
    expect(answer.headers.get('retry-after')).toBe('10');
    expect(await statusAndCode(answer)).toEqual([503, 'NO_STORAGE_AVAILABLE']);
    expect(await statusAndCode(await cancel(id))).toEqual([503, 'NO_STORAGE_AVAILABLE']);
    await service.element.comeBack();
    expect((await read(id)).status).toBe(404);
  });

  it('can be cancelled by its owner while he may upload, and by admins', async () => {
    const id = await accepted();
    expect(await statusAndCode(await cancel(id, MALLORY))).toEqual([404, 'NOT_FOUND']);
    expect(await statusAndCode(await cancel(id, AUDITOR))).toEqual([403, 'FORBIDDEN']);
    expect(await statusAndCode(await cancel(id, { role: undefined }))).toEqual([403, 'FORBIDDEN']);
    const reader = { role: undefined, scope: 'files:read' };
    expect(await statusAndCode(await cancel(id, reader))).toEqual([403, 'FORBIDDEN']);
    expect((await read(id, reader)).status).toBe(200);
    expect((await cancel(id, ADMIN)).status).toBe(200);
  });
});

describe('the receipt of an upload that was stored at once', () => {
  let running: RunningApp;

  beforeAll(async () => {
    running = await startApp();
  });

  afterAll(() => running.close());

  async function call(path: string, init: RequestInit = {}, claims: Json = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${await running.token(claims)}` };
    return fetch(running.url + path, { ...init, headers });
  }

  async function stored(text: string): Promise<Json> {
    const body = new FormData();
    body.append('tags', '["a"]');
    body.append('ttl_days', '7');
    body.append('file', new Blob([text]), 'a.txt');
    const answer = await call('/api/v1/files/upload', { method: 'POST', body });
    expect(answer.status).toBe(201);
    return (await answer.json()) as Json;
  }

  it.each(['hello', ''])('is what its storage element remembers of %j, without a database', async (text) => {
    const receipt = await stored(text);
    expect(receipt.size).toBe(text.length);
    const path = `/api/v1/files/${String(receipt.upload_id)}`;
    expect(await (await call(path)).json()).toEqual(receipt);
    expect((await call(path, {}, ADMIN)).status).toBe(200);
    expect((await call(path, {}, MALLORY)).status).toBe(404);
    expect((await call(`/api/v1/files/${randomUUID()}`)).status).toBe(404);
    expect(await statusAndCode(await call(path, { method: 'DELETE' }))).toEqual([409, 'CONFLICT']);
    expect(existsSync(join(running.dataDir, 'database.sqlite'))).toBe(false);
  });
});
