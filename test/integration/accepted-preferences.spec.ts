import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RawClient } from '../support/raw-client.js';
import { type AcceptingService, type Json, sha256, startAccepting } from '../support/accepted-service.js';

const ASYNC = { Prefer: 'respond-async, wait=100' };

let service: AcceptingService;

afterEach(() => service.close());

describe('Prefer: respond-async', () => {
  it('is answered as soon as the file is safe, while the element still takes its time', async () => {
    service = await startAccepting();
    const stored = Promise.withResolvers<void>();
    service.element.options.fault = { kind: 'wait', until: stored.promise };
    const bytes = randomBytes(1_000_000);
    const answer = await service.post(bytes, ASYNC);
    const receipt = (await answer.json()) as Json;
    expect(answer.status).toBe(202);
    expect(receipt).toMatchObject({ status: 'accepted', file_id: null, checksum: sha256(bytes) });
    expect(answer.headers.get('preference-applied')).toBe('respond-async');
    expect(answer.headers.get('vary')).toBe('Accept, Prefer');
    stored.resolve();
    await service.untilStatus(receipt.upload_id, 'active');
    expect([...service.element.files.values()]).toMatchObject([{ sha256: sha256(bytes) }]);
  });

  it('is not said to be applied where the file was there already', async () => {
    service = await startAccepting();
    service.element.options.fault = undefined;
    const id = randomUUID();
    expect((await service.put(id, Buffer.from('x'))).status).toBe(201);
    const again = await service.put(id, Buffer.from('x'), ASYNC);
    expect(again.status).toBe(200);
    expect(again.headers.get('preference-applied')).toBeNull();
    expect((await service.put(id, Buffer.from('y'), ASYNC)).status).toBe(409);
  });

  it('leaves other uploads as they are, except that they vary by it', async () => {
    service = await startAccepting();
    service.element.options.fault = undefined;
    const answer = await service.post(Buffer.from('x'), { Prefer: 'wait=10' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('preference-applied')).toBeNull();
    expect(answer.headers.get('vary')).toBe('Accept, Prefer');
  });

  it('is refused before the body is read when the spool is full', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: '1000' });
    const client = await RawClient.connect(service.running.port);
    client.head(`PUT /api/v1/files/${randomUUID()}`, {
      ...ASYNC,
      Authorization: `Bearer ${await service.running.token()}`,
      Expect: '100-continue',
      'Content-Length': 2_000,
    });
    const answer = await client.response();
    expect([answer.status, answer.json().code]).toEqual([507, 'SPOOL_FULL']);
    expect(answer.headers.get('connection')).toBe('close');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await client.untilClosed();
  });

  it('is refused where no element is meant for the file', async () => {
    service = await startAccepting();
    const body = new FormData();
    body.append('retention_policy', 'permanent');
    body.append('file', new Blob(['x']), 'a.txt');
    const answer = await service.call('/api/v1/files/upload', { method: 'POST', headers: ASYNC, body });
    expect(await answer.json()).toMatchObject({ status: 503, code: 'NO_STORAGE_AVAILABLE' });
    expect(await service.spooled()).toEqual([]);
  });

  it('is passed over where nothing is kept for later, and what cannot be stored fails', async () => {
    service = await startAccepting({ DELIVER_LATER: 'false' });
    const failed = await service.post(Buffer.from('x'), ASYNC);
    expect(await failed.json()).toMatchObject({ status: 502, code: 'STORAGE_FAILED' });
    service.element.options.fault = undefined;
    const stored = await service.post(Buffer.from('x'), ASYNC);
    expect(stored.status).toBe(201);
    expect(stored.headers.get('preference-applied')).toBeNull();
    expect(await service.spooled()).toEqual([]);
  });
});
