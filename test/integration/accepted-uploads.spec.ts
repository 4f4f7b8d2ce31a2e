import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { listen, shut } from '../support/local-server.js';
import { RawClient } from '../support/raw-client.js';
import {
  type AcceptingService,
  type Json,
  metric,
  sha256,
  startAccepting,
} from '../support/accepted-service.js';

const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

let service: AcceptingService;

afterEach(() => service.close());

/** Expects that one file is stored, the right one, and that nothing else is left of it. */
async function expectDelivered(id: unknown, bytes: Buffer): Promise<void> {
  service.element.options.fault = undefined;
  const receipt = await service.untilStatus(id, 'active');
  expect(receipt).toMatchObject({ size: bytes.length, checksum: sha256(bytes), file_id: expect.any(String) });
  expect([...service.element.files.values()]).toMatchObject([{ sha256: sha256(bytes) }]);
  await eventually(async () => expect(await service.spooled()).toEqual([]));
}

async function expectProblem(answer: Response, status: number, code: string): Promise<Response> {
  expect(await answer.json()).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  return answer;
}

describe('an upload that no storage element takes', () => {
  it('is accepted with 202 and a receipt, and stored when the element is back', async () => {
    service = await startAccepting({ PUBLIC_URL: 'https://files.example/in/' });
    const bytes = randomBytes(3_000_000);
    const answer = await service.post(bytes);
    const receipt = (await answer.json()) as Json;
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(
      `https://files.example/in/api/v1/files/${String(receipt.upload_id)}`,
    );
    expect(answer.headers.get('preference-applied')).toBeNull();
    expect(receipt).toEqual({
      upload_id: expect.stringMatching(UUID_V7),
      file_id: null,
      original_filename: 'a.bin',
      content_type: 'application/octet-stream',
      size: bytes.length,
      checksum: sha256(bytes),
      uploaded_by: 'alice',
      uploaded_at: expect.any(String),
      description: 'a report',
      tags: [],
      metadata: {},
      status: 'accepted',
      retention_policy: 'temporary',
      ttl_days: 30,
      expires_at: expect.any(String),
    });
    expect(JSON.stringify([receipt, ...answer.headers])).not.toContain('se-1');
    await expectDelivered(receipt.upload_id, bytes);
  });

  it('is counted as accepted, and as a fallback to the spool', async () => {
    service = await startAccepting();
    await service.post(Buffer.from('x'));
    expect(await metric(service, 'upload_requests_total{route="multipart",outcome="accepted"}')).toBe(1);
    const fallback = 'resilience_fallback_total{name="storage:se-1",kind="spool",outcome="success"}';
    expect(await metric(service, fallback)).toBe(1);
  });

  it('is read to its end when the element gives up in the middle', async () => {
    service = await startAccepting();
    service.element.options.fault = { kind: 'reset', afterBytes: 100_000 };
    const bytes = randomBytes(5_000_000);
    const answer = await service.put(randomUUID(), bytes);
    expect(answer.status).toBe(202);
    await expectDelivered(((await answer.json()) as Json).upload_id, bytes);
  });

  it('is accepted while the circuit of the element is open, without calling it', async () => {
    service = await startAccepting({
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1',
      STORAGE_CIRCUIT_RECOVERY_MS: '60000',
    });
    expect((await service.post(Buffer.from('opens it'))).status).toBe(202);
    const calls = service.element.uploads.length;
    expect((await service.post(Buffer.from('finds it open'))).status).toBe(202);
    expect(service.element.uploads).toHaveLength(calls);
  });

  it('is stored soon after the reset of a circuit that was forced open for a day', async () => {
    service = await startAccepting({ STORAGE_CIRCUIT_RECOVERY_MS: '500' });
    service.element.options.fault = undefined;
    const order = async (what: string, body: object): Promise<void> => {
      const headers = { 'Content-Type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      const path = `/api/v1/resilience/circuit-breakers/storage:se-1/${what}`;
      expect((await service.call(path, init, { sub: 'olga', role: 'admin' })).status).toBe(200);
    };
    await order('force-open', { reason: 'disks are changed', ttl_seconds: 86_400 });
    const bytes = Buffer.from('a file');
    const answer = await service.post(bytes);
    expect(answer.status).toBe(202);
    const { upload_id: id } = (await answer.json()) as Json;
    // It was tried, and put off.
    await eventually(async () =>
      expect(
        await metric(
          service,
          'resilience_circuit_breaker_calls_total{name="storage:se-1",outcome="rejected"}',
        ),
      ).toBeGreaterThan(1),
    );
    await order('reset', { reason: 'disks are new' });
    await expectDelivered(id, bytes);
  });

  it('is stored, and not twice, when its time is over and the element says that it has it', async () => {
    service = await startAccepting({
      STORAGE_DEADLINE_BASE_MS: '400',
      STORAGE_DEADLINE_MIN_BYTES_PER_SECOND: '1000000000',
      STORAGE_COMMIT_TIMEOUT_MS: '20000',
    });
    service.element.options.fault = { kind: 'hang' };
    const bytes = randomBytes(200_000);
    expect((await service.put(randomUUID(), bytes)).status).toBe(201);
    expect(service.element.files.size).toBe(1);
    expect(service.element.uploads).toHaveLength(1);
  });

  it('is accepted, and not stored twice, when an element that has it cannot be asked', async () => {
    service = await startAccepting({ STORAGE_COMMIT_TIMEOUT_MS: '300', STORAGE_REQUEST_TIMEOUT_MS: '300' });
    Object.assign(service.element.options, { fault: { kind: 'hang' }, delayMs: 1_000 });
    const bytes = randomBytes(200_000);
    const answer = await service.post(bytes);
    expect(answer.status).toBe(202);
    expect(service.element.files.size).toBe(1);
    service.element.options.delayMs = 0;
    await expectDelivered(((await answer.json()) as Json).upload_id, bytes);
    expect(service.element.uploads).toHaveLength(1);
  });

  it('is refused where the element refuses the file itself', async () => {
    service = await startAccepting();
    service.element.options.fault = { kind: 'answer', status: 422 };
    await expectProblem(await service.post(Buffer.from('x')), 502, 'STORAGE_FAILED');
    expect(await service.spooled()).toEqual([]);
  });

  it('is refused where no element is meant for it', async () => {
    service = await startAccepting();
    const body = new FormData();
    body.append('retention_policy', 'permanent');
    body.append('file', new Blob(['x']), 'a.txt');
    const answer = await service.call('/api/v1/files/upload', { method: 'POST', body });
    await expectProblem(answer, 503, 'NO_STORAGE_AVAILABLE');
  });
});

describe('an upload that is read on after the element has failed', () => {
  /** Sends the head of a raw upload and its first bytes, and waits until the element has said no. */
  async function begin(
    headers: Record<string, string | number>,
    first: Buffer = randomBytes(200_000),
  ): Promise<RawClient> {
    service.element.options.fault = { kind: 'reset', afterBytes: 1_000 };
    const client = await RawClient.connect(service.running.port);
    client.head(`PUT /api/v1/files/${randomUUID()}`, {
      Authorization: `Bearer ${await service.running.token()}`,
      'Content-Type': 'application/octet-stream',
      ...headers,
    });
    client.send(first);
    await eventually(async () =>
      expect(service.element.uploads.map(({ state }) => state)).toContain('refused'),
    );
    return client;
  }

  async function expectNothingLeft(): Promise<void> {
    await eventually(async () => expect(await service.spooled()).toEqual([]));
    expect(service.element.files.size).toBe(0);
  }

  it('is refused when its bytes are not those that were declared', async () => {
    service = await startAccepting();
    const client = await begin({ 'Content-Length': 300_000, 'Repr-Digest': `sha-256=:${'A'.repeat(43)}=:` });
    const answer = await client.send(randomBytes(100_000)).response();
    expect([answer.status, answer.json().code]).toEqual([400, 'DIGEST_MISMATCH']);
    await expectNothingLeft();
    client.close();
  });

  it('is refused when it turns out too large', async () => {
    service = await startAccepting({ MAX_FILE_BYTES: '250000' });
    const client = await begin({ 'Transfer-Encoding': 'chunked' }, chunk(200_000));
    const answer = await client.send(chunk(100_000)).response();
    expect([answer.status, answer.json().code]).toEqual([413, 'FILE_TOO_LARGE']);
    await expectNothingLeft();
    client.close();
  });

  it('leaves nothing behind when the client leaves', async () => {
    service = await startAccepting();
    const client = await begin({ 'Content-Length': 5_000_000 });
    client.reset();
    await eventually(async () => {
      expect(await metric(service, 'upload_requests_total{route="raw",outcome="client_abort"}')).toBe(1);
    });
    await expectNothingLeft();
    const failed = 'resilience_fallback_total{name="storage:se-1",kind="spool",outcome="failure"}';
    expect(await metric(service, failed)).toBeUndefined();
  });

  it('answers 408 when the client stalls', async () => {
    service = await startAccepting({ CLIENT_IDLE_TIMEOUT_MS: '2000' });
    const client = await begin({ 'Content-Length': 5_000_000 });
    const answer = await client.response();
    expect([answer.status, answer.json().code]).toEqual([408, 'CLIENT_STALLED']);
    await expectNothingLeft();
    client.close();
  });

  function chunk(size: number): Buffer {
    return Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), randomBytes(size), Buffer.from('\r\n')]);
  }
});

describe('an upload in the spool file of one that has ended', () => {
  it('is accepted and delivered without a byte of the other', async () => {
    service = await startAccepting();
    service.element.options.fault = undefined;
    expect((await service.post(randomBytes(5_000_000))).status).toBe(201);
    await eventually(async () =>
      expect(await service.spooled()).toEqual([expect.stringMatching(/\.spool$/)]),
    );
    const [name] = await service.spooled();
    service.element.files.clear();
    service.element.options.fault = { kind: 'answer', status: 503 };
    const bytes = randomBytes(3_000_000);
    const answer = await service.post(bytes);
    expect(answer.status).toBe(202);
    expect(await service.spooled()).not.toContain(name);
    const { upload_id: id } = (await answer.json()) as Json;
    await expectDelivered(id, bytes);
  });
});

describe('an upload that cannot be accepted either', () => {
  it('is told that the spool is full, and when to come back', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: '1000' });
    const answer = await expectProblem(await service.post(randomBytes(2_000)), 507, 'SPOOL_FULL');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await service.spooled()).toEqual([]);
    const failed = 'resilience_fallback_total{name="storage:se-1",kind="spool",outcome="failure"}';
    expect(await metric(service, failed)).toBe(1);
  });

  it('is told so as well when the disk takes no more in the middle of it', async () => {
    service = await startAccepting({ SPOOL_MAX_BYTES: '2000000', BODY_MEMORY_BYTES: '100000' });
    service.element.options.fault = { kind: 'reset', afterBytes: 100_000 };
    const answer = await service.post(randomBytes(5_000_000));
    await expectProblem(answer, 507, 'SPOOL_FULL');
    expect(await service.spooled()).toEqual([]);
    service.element.options.fault = undefined;
    expect((await service.post(randomBytes(5_000_000))).status).toBe(201);
  });

  it('is told that the database is away, and when to come back', async () => {
    const closed = createServer();
    const { port } = new URL(await listen(closed));
    await shut(closed);
    service = await startAccepting({ DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none` });
    const answer = await expectProblem(await service.post(Buffer.from('x')), 503, 'QUEUE_UNAVAILABLE');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await service.spooled()).toEqual([]);
    service.element.options.fault = undefined;
    expect((await service.post(Buffer.from('x'))).status).toBe(201);
  });
});
