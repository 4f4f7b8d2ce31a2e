import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { RunningApp } from '../support/app.js';
import type { MockServer } from '../support/mockserver.js';
import { HELLO, put, sentOn, startService, upload, withService } from './service.js';

const HELLO_SHA256 = '66af74c4c30566ed7e16971b568cfeb97630115da7c23ba3677b3159ee6e9415';
const HELLO_AT_ARTSTORE = '00000000-0000-4000-8000-000000000001';
const HELLO_AT_GOARTSTORE = '00000000-0000-4000-8000-000000000101';

/** Files that storage elements take. */
export function uploadFlows(mockServer: () => MockServer): void {
  let mock: MockServer;
  let service: RunningApp;

  beforeAll(async () => {
    mock = mockServer();
    service = await startService(mock);
  });

  afterAll(() => service.close());

  it.each([
    ['temporary', HELLO_AT_ARTSTORE, 30],
    ['permanent', HELLO_AT_GOARTSTORE, null],
  ])('stores a %s file at the element of that mode', async (policy, fileId, ttlDays) => {
    const { status, body } = await upload(service, { fields: { retention_policy: policy } });
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({
        file_id: fileId,
        original_filename: 'hello.txt',
        content_type: 'text/plain',
        size: HELLO.length,
        checksum: HELLO_SHA256,
        uploaded_by: 'alice',
        status: 'active',
        retention_policy: policy,
        ttl_days: ttlDays,
      }),
    ]);
  });

  it('sends text parts, token, request id and trace on to the element', async () => {
    const fields = {
      description: 'a greeting',
      tags: '["a","b"]',
      ttl_days: '7',
      metadata: '{"id":1546130668394913822}',
    };
    const { requestId, body } = await upload(service, { fields });
    const received = await mock.received({
      headers: {
        Authorization: ['Bearer mock-service-token'],
        'X-Request-ID': [requestId],
        traceparent: ['00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]'],
      },
      body: {
        type: 'MULTIPART',
        fields: {
          description: ['a greeting'],
          tags: ['\\["a","b"\\]'],
          retention_policy: ['temporary'],
          ttl_days: ['7'],
          uploaded_by_id: ['alice'],
          file_id: [String(body.upload_id)],
          metadata: ['\\{"id":1546130668394913822\\}'],
          file: [HELLO],
        },
      },
    });
    expect(received).toHaveLength(1);
  });

  it('takes 200 for 201', async () => {
    expect(await upload(service, { name: 'answered-200.txt' })).toMatchObject({ status: 201 });
  });

  it('sends a UTF-8 name and content on as they are', async () => {
    const name = 'привет.txt';
    const { status, body, requestId } = await upload(service, {
      name,
      content: 'Привет, элемент хранения!\n',
    });
    expect([status, body.original_filename]).toEqual([201, name]);
    const [received] = await sentOn(mock, requestId);
    expect(received?.body.toString()).toContain(`filename="${name}"`);
  });

  it('stores a file of many chunks', async () => {
    const content = 'a'.repeat(1024 * 1024);
    const { status, body } = await upload(service, { name: 'large.bin', content });
    expect([status, body.size]).toEqual([201, content.length]);
  });

  it('stores a raw body under an id that no element knows', async () => {
    const id = randomUUID();
    const { status, body, requestId } = await put(service, id);
    expect([status, body.upload_id, body.file_id]).toEqual([201, id, HELLO_AT_ARTSTORE]);
    expect(await sentOn(mock, requestId, 'GET')).toHaveLength(2);
  });

  it('answers a repeated raw body with 200 and stores nothing', async () => {
    const { status, body, requestId } = await put(service, HELLO_AT_ARTSTORE);
    expect([status, body.checksum]).toEqual([200, HELLO_SHA256]);
    expect(await sentOn(mock, requestId)).toEqual([]);
  });

  it.each([
    ['other bytes', HELLO_AT_ARTSTORE, 'something else'],
    ['the id of another owner', HELLO_AT_GOARTSTORE, HELLO],
  ])('refuses %s under an id that an element knows', async (_, id, content) => {
    const { status, body, requestId } = await put(service, id, content);
    expect([status, body.code]).toEqual([409, 'CONFLICT']);
    expect(await sentOn(mock, requestId)).toEqual([]);
  });

  it('gives an element no finished file when a part after the file makes the upload bad', async () => {
    const boundary = 'late';
    const part = (head: string, content: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
    const requestId = randomUUID();
    const response = await fetch(`${service.url}/api/v1/files/upload`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await service.token()}`,
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'x-request-id': requestId,
      },
      body: `${part('name="file"; filename="hello.txt"', HELLO)}${part('name="description"', 'late')}--${boundary}--\r\n`,
    });
    expect(response.status).toBe(400);
    expect(await sentOn(mock, requestId)).toEqual([]);
  });

  it('tells a client nothing of the element', async () => {
    await withService(mock, { temporary: '/down' }, async (broken) => {
      const answers = [await upload(service), await upload(broken)];
      for (const { text } of answers) {
        expect(text).not.toMatch(/artstore|127\.0\.0\.1|localhost|mock-service-token|Service unavailable/i);
      }
    });
  });
}
