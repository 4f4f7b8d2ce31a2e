import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { metadataOf, pathOf, TusRequests } from '../support/tus-requests.js';

describe('uploads that are not complete', () => {
  let running: RunningApp;
  let tus: TusRequests;

  beforeAll(async () => {
    running = await startApp();
    tus = new TusRequests(running, await running.token());
  });

  afterAll(() => running.close());

  const list = async (query = '', claims = {}): Promise<Test> =>
    request(running.url)
      .get(`/api/v1/uploads${query}`)
      .auth(await running.token(claims), { type: 'bearer' });

  const idOf = (location: string): string => pathOf(location).split('/').at(-1) ?? '';

  it('are listed for their owner, page by page, until they are complete', async () => {
    const named = { 'Upload-Metadata': metadataOf({ name: 'a.txt' }) };
    const one = await tus.begin(3, named);
    const two = String(
      (await tus.create({ 'Upload-Defer-Length': '1' }, Buffer.from('ab'))).headers.location,
    );
    const three = await tus.begin(3);
    const page = await list('?limit=2');
    expect(page.status).toBe(200);
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.body).toEqual({
      uploads: [
        {
          upload_id: idOf(one),
          original_filename: 'a.txt',
          uploaded_by: 'alice',
          offset: 0,
          length: 3,
          expires_at: expect.stringMatching(/^\d{4}-/),
        },
        expect.objectContaining({
          upload_id: idOf(two),
          original_filename: 'unnamed',
          offset: 2,
          length: null,
        }),
      ],
      next: idOf(two),
    });
    const rest = await list(`?after=${page.body.next}`);
    expect(rest.body).toMatchObject({ uploads: [{ upload_id: idOf(three) }], next: null });
    await tus.patch(one, 0, Buffer.from('abc')).expect(204);
    await tus.remove(two).expect(204);
    await eventually(async () => expect((await list()).body.uploads).toHaveLength(1));
    expect((await list('', { sub: 'bob' })).body.uploads).toEqual([]);
    expect((await list('', { sub: 'root', role: 'admin' })).body.uploads).toHaveLength(1);
    await tus.remove(three);
  });

  it.each(['?limit=0', '?limit=1001', '?limit=x', '?after=1'])('are not listed by %s', async (query) => {
    const { status, body } = await list(query);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it('have a receipt that says so, for who may see it', async () => {
    const location = await tus.begin(3, {
      'Upload-Metadata': metadataOf({ filename: 'a.txt', type: 'text/plain' }),
    });
    const receiving = await tus.receiptOf(location);
    expect(receiving.status).toBe(200);
    expect(receiving.body).toMatchObject({
      upload_id: idOf(location),
      file_id: null,
      original_filename: 'a.txt',
      content_type: 'text/plain',
      size: 3,
      checksum: null,
      status: 'receiving',
    });
    const other = new TusRequests(running, await running.token({ sub: 'bob' }));
    await other.receiptOf(location).expect(404);
    await tus.remove(location);
    expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'cancelled' });
  });

  it('that were refused have one as well', async () => {
    const location = await tus.begin(3, { 'Upload-Metadata': metadataOf({ sha256: 'a'.repeat(64) }) });
    await tus.patch(location, 0, Buffer.from('abc')).expect(400);
    expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'dead', size: 3 });
  });

  it('are counted', async () => {
    const location = await tus.begin(3);
    await tus.patch(location, 0, Buffer.from('a'));
    await tus.patch(location, 0, Buffer.from('a')).expect(409);
    await tus.patch(location, 1, Buffer.from('b'));
    const { text } = await request(running.url).get('/metrics');
    expect(text).toMatch(/^resumable_uploads_open 1$/m);
    expect(text).toMatch(/^resumable_offset_conflicts_total 1$/m);
    expect(text).toMatch(/^resumable_uploads_resumed_total 1$/m);
    expect(text).toMatch(/^resumable_uploads_ended_total\{ending="removed"\} [1-9]/m);
    expect(text).toMatch(/^upload_requests_total\{route="tus",outcome="received"\} [1-9]/m);
  });
});
