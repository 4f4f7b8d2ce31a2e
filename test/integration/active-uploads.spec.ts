import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { type AcceptingService, DOWN, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { IetfRequests } from '../support/ietf-requests.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const RFC_3339 = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const KIB = 1024;

type Json = Record<string, unknown>;
type Headers = Record<string, string | number>;

describe('uploads that operators see', () => {
  let service: AcceptingService;
  let admin: string;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    service = await startAccepting({ MAX_UPLOADS: '2', STORAGE_COMMIT_TIMEOUT_MS: '60000' });
    service.element.options.fault = undefined;
    admin = await service.running.token({ sub: 'olga', role: 'admin' });
  });
  afterEach(async () => {
    service.element.options.fault = undefined;
    for (const client of clients.splice(0)) client.close();
    await eventually(async () => {
      if ((await active()).length > 0) throw new Error('An upload is still in flight');
    });
  });
  afterAll(() => service.close());

  const read = (path: string, token = admin): Test =>
    request(service.running.url).get(`/api/v1/${path}`).auth(token, { type: 'bearer' });
  const active = async (query = ''): Promise<Json[]> => (await read(`active-uploads${query}`)).body.uploads;
  const recent = async (query = ''): Promise<Json[]> => (await read(`recent-uploads${query}`)).body.uploads;
  const abort = (id: unknown, body: object = { reason: 'it never ends' }, token = admin): Test =>
    request(service.running.url)
      .delete(`/api/v1/active-uploads/${String(id)}`)
      .auth(token, { type: 'bearer' })
      .send(body);
  const idsOf = (uploads: readonly Json[]): unknown[] => uploads.map(({ upload_id: id }) => id);

  /** Opens an upload of which only the head was sent. */
  async function open(requestLine: string, sub: string, headers: Headers): Promise<RawClient> {
    const client = await RawClient.connect(service.running.port);
    clients.push(client);
    const Authorization = `Bearer ${await service.running.token({ sub })}`;
    return client.head(requestLine, { Authorization, ...headers });
  }

  const put = (id: string, sub: string, length: number): Promise<RawClient> =>
    open(`PUT /api/v1/files/${id}`, sub, { 'Content-Type': 'text/plain', 'Content-Length': length });

  /** What is seen of an upload, once it is as `wanted`. */
  async function seen(wanted: Json): Promise<Json> {
    await eventually(async () => expect(await active()).toContainEqual(expect.objectContaining(wanted)));
    const found = (await active()).find((upload) =>
      Object.entries(wanted).every(([name, value]) => upload[name] === value),
    );
    return found ?? {};
  }

  function expectAborted(answer: RawResponse): void {
    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.json()).toMatchObject({ code: 'UPLOAD_ABORTED', retryable: false });
  }

  it('are listed while they wait and come, filtered and page by page, and stopped by those who may', async () => {
    const body = multipart([filePart('x'.repeat(1000))]);
    const form = await open('POST /api/v1/files/upload', 'alice', {
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': body.length,
    });
    form.send(body.subarray(0, 800));
    const first = await seen({ caller: 'alice', phase: 'receiving' });
    expect(first).toEqual({
      upload_id: expect.stringMatching(UUID),
      replica_id: expect.stringMatching(UUID),
      caller: 'alice',
      protocol: 'form',
      phase: 'receiving',
      bytes_received: expect.any(Number),
      declared_bytes: body.length,
      bytes_per_second: expect.any(Number),
      target: null,
      attempt: 0,
      started_at: expect.stringMatching(RFC_3339),
    });
    await eventually(async () => expect((await active())[0]?.bytes_received).toBeGreaterThan(500));
    const [raw, late] = [randomUUID(), randomUUID()];
    const bobs = await put(raw, 'bob', 10);
    await seen({ upload_id: raw, protocol: 'raw', phase: 'receiving' });
    const waiting = await put(late, 'carol', 10);
    await seen({ upload_id: late, phase: 'waiting', bytes_received: 0, bytes_per_second: 0 });

    const all = [first.upload_id, raw, late];
    expect(idsOf(await active())).toEqual(all);
    const filters = [
      'caller=bob',
      'protocol=form',
      'phase=waiting',
      'caller=bob&phase=waiting',
      'target=se-9',
    ];
    const found = await Promise.all(filters.map(async (filter) => idsOf(await active(`?${filter}`))));
    expect(found).toEqual([[raw], [first.upload_id], [late], [], []]);
    const pages: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Test = read(`active-uploads?limit=1${cursor && `&cursor=${cursor}`}`);
      const { body: answer } = await page;
      pages.push(...idsOf(answer.uploads));
      cursor = answer.next_cursor;
    }
    expect(pages).toEqual(all);

    expect((await abort(late, { reason: 'x' }, await service.running.token())).status).toBe(403);
    const reader = await service.running.token({ role: undefined, scope: 'admin:read' });
    expect((await abort(late, { reason: 'x' }, reader)).status).toBe(403);
    expect((await abort(late, {})).body).toMatchObject({ code: 'VALIDATION_ERROR' });
    expect((await abort(late)).status).toBe(204);
    expectAborted(await waiting.response());
    expect((await abort(first.upload_id)).status).toBe(204);
    expectAborted(await form.response());
    expect((await abort(first.upload_id)).body).toMatchObject({ code: 'NOT_FOUND' });
    expect((await bobs.send('0123456789').response()).status).toBe(201);
    await eventually(async () => expect(idsOf(await recent())).toEqual([raw, first.upload_id, late]));
    expect((await recent('?outcome=rejected&protocol=form'))[0]).toEqual({
      upload_id: first.upload_id,
      replica_id: first.replica_id,
      caller: 'alice',
      protocol: 'form',
      outcome: 'rejected',
      code: 'UPLOAD_ABORTED',
      status: null,
      bytes: expect.any(Number),
      duration_ms: expect.any(Number),
      target: null,
      ended_at: expect.stringMatching(RFC_3339),
    });
    const { body: audit } = await read('audit?action=abort');
    expect(audit.entries).toHaveLength(2);
    expect(audit.entries[0]).toMatchObject({
      who: 'olga',
      action: 'abort',
      subject: first.upload_id,
      reason: 'it never ends',
      data: { uploads: [{ caller: 'alice', protocol: 'multipart', phase: 'receiving' }] },
    });
  });

  it('are seen on their way to an element, which is not to blame where one is stopped', async () => {
    service.element.options.fault = { kind: 'stall', afterBytes: Infinity };
    const id = randomUUID();
    const client = (await put(id, 'alice', 5)).send('hello');
    const upload = await seen({ upload_id: id, phase: 'storing', attempt: 1 });
    expect(upload).toMatchObject({ bytes_received: 5, declared_bytes: 5, target: 'se-1', attempt: 1 });
    expect(idsOf(await active('?target=se-1'))).toEqual([id]);
    expect(idsOf(await active('?target=storage:se-1'))).toEqual([id]);
    const circuit = service.running.app.get(CircuitBreakers).get('storage:se-1');
    const before = circuit?.report().failure_count;
    expect((await abort(id)).status).toBe(204);
    expectAborted(await client.response());
    expect(circuit?.report().failure_count).toBe(before);
    expect(service.element.files.has(id)).toBe(false);
  });

  it('keep the bytes of an append that is stopped, and go on', async () => {
    const bytes = randomBytes(300 * KIB);
    const token = await service.running.token();
    const tus = new TusRequests(service.running, token);
    const location = await tus.begin(bytes.length);
    const client = await open(`PATCH ${pathOf(location)}`, 'alice', {
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': 0,
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': bytes.length,
    });
    client.send(bytes.subarray(0, 200 * KIB));
    const { upload_id: id } = await seen({ protocol: 'tus', bytes_received: 200 * KIB });
    expect((await abort(id)).status).toBe(204);
    expectAborted(await client.response());
    const { headers } = await tus.head(location).expect(200);
    expect(headers['upload-offset']).toBe(String(200 * KIB));
    expect((await tus.patch(location, 200 * KIB, bytes.subarray(200 * KIB))).status).toBe(204);
    await eventually(async () =>
      expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'active' }),
    );
  });

  it('are not stopped where all bytes of an upload in several requests are here', async () => {
    const released = Promise.withResolvers<void>();
    service.element.options.fault = { kind: 'wait', until: released.promise };
    const tus = new TusRequests(service.running, await service.running.token());
    const location = await tus.begin(5);
    const answered = tus.patch(location, 0, Buffer.from('hello')).then(({ status }) => status);
    const { upload_id: id } = await seen({ protocol: 'tus', phase: 'storing', attempt: 1 });
    expect((await abort(id)).body).toMatchObject({ status: 409, code: 'CONFLICT' });
    released.resolve();
    expect(await answered).toBe(204);
    expect((await recent('?protocol=tus&outcome=stored'))[0]).toMatchObject({
      upload_id: id,
      target: 'se-1',
    });
  });

  it('are appends of the IETF as well', async () => {
    const ietf = new IetfRequests(service.running, await service.running.token());
    const location = await ietf.begin();
    const client = await open(`PATCH ${pathOf(location)}`, 'alice', {
      'Content-Type': 'application/partial-upload',
      'Upload-Offset': 0,
      'Upload-Complete': '?1',
      'Content-Length': 10,
    });
    client.send('01234');
    await seen({ protocol: 'resumable', phase: 'receiving', bytes_received: 5, declared_bytes: 10 });
    const [upload] = await active('?protocol=resumable');
    expect((await abort(upload?.upload_id)).status).toBe(204);
    await client.untilClosed();
    expect(client.rest).toContain('UPLOAD_ABORTED');
    expect((await ietf.head(location)).headers['upload-offset']).toBe('5');
  });

  it('are remembered with what became of those that were accepted', async () => {
    service.element.options.fault = DOWN;
    const id = randomUUID();
    expect((await service.put(id, Buffer.from('hello'))).status).toBe(202);
    const [accepted] = await recent('?outcome=accepted&caller=alice&limit=1');
    expect(accepted).toMatchObject({ upload_id: id, protocol: 'raw', code: null, bytes: 5 });
    expect(accepted?.status).toMatch(/^(accepted|delivering)$/);
    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    expect((await recent('?outcome=accepted'))[0]).toMatchObject({ upload_id: id, status: 'active' });
    const all = await recent();
    const { body: page } = await read('recent-uploads?limit=2');
    const { body: next } = await read(`recent-uploads?limit=2&cursor=${page.next_cursor}`);
    expect([...page.uploads, ...next.uploads]).toEqual(all.slice(0, 4));
    expect(page.unanswered_replicas).toEqual([]);
  });

  it.each([
    ['active-uploads?phase=done', 'phase'],
    ['active-uploads?protocol=multipart', 'protocol'],
    ['active-uploads?outcome=stored', 'outcome'],
    ['active-uploads?cursor=x', 'cursor'],
    ['active-uploads?limit=0', 'limit'],
    ['recent-uploads?outcome=received', 'outcome'],
    ['recent-uploads?cursor=MTsxO3g', 'cursor'],
    ['recent-uploads?caller=', 'caller'],
  ])('are not listed by %s', async (path, field) => {
    const { status, body } = await read(path);
    expect([status, body.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(body.errors.map((error: { field: string }) => error.field)).toEqual([field]);
  });

  it.each(['active-uploads', 'recent-uploads'])('are no business of users: %s', async (path) => {
    expect((await read(path, await service.running.token())).status).toBe(403);
    const reader = await service.running.token({ role: undefined, scope: 'admin:read' });
    const answer = await read(path, reader);
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
  });

  it.each(['0198c2a0-0000-7000-8000-000000000001', 'x', '..%2fhealth'])(
    'are not stopped where there is none: %s',
    async (id) => {
      expect((await abort(id)).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    },
  );
});
