import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, metric, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';

const MB = 1_000_000;
const ASYNC = { Prefer: 'respond-async' };
const LENGTH = { 'Content-Length': MB };

let service: AcceptingService;
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await service.close();
});

/** Sends the head of a raw upload, and no more. */
async function begin(
  headers: Record<string, string | number>,
  id: string = randomUUID(),
): Promise<RawClient> {
  const client = await RawClient.connect(service.running.port);
  clients.push(client);
  return client.head(`PUT /api/v1/files/${id}`, {
    Authorization: `Bearer ${await service.running.token()}`,
    'Content-Type': 'application/octet-stream',
    ...headers,
  });
}

const reserved = (): Promise<number | undefined> => metric(service, 'spool_reserved_bytes');

const untilReserved = (bytes: number): Promise<void> =>
  eventually(async () => expect(await reserved()).toBe(bytes));

async function answerOf(client: RawClient): Promise<[status: number, code: unknown]> {
  const answer = await client.response();
  return [answer.status, answer.json().code];
}

async function expectReady(): Promise<void> {
  expect((await fetch(`${service.running.url}/health/ready`)).status).toBe(200);
}

function chunk(size: number): Buffer {
  return Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), randomBytes(size), Buffer.from('\r\n')]);
}

describe('a spool with room for two of three files', () => {
  it('refuses the third before its body comes, and takes the others', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: String(2 * MB) });
    const two = [await begin({ ...ASYNC, ...LENGTH }), await begin({ ...ASYNC, ...LENGTH })];
    await untilReserved(2 * MB);
    const third = await begin({ ...ASYNC, ...LENGTH, Expect: '100-continue' });
    expect(await answerOf(third)).toEqual([507, 'SPOOL_FULL']);
    await expectReady();
    for (const client of two) client.send(randomBytes(MB));
    for (const client of two) expect((await client.response()).status).toBe(202);
    expect(await reserved()).toBe(0);
    expect(await metric(service, 'spool_bytes')).toBe(2 * MB);
  });

  it('refuses the third before the rest of its body comes, where no storage element takes it', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: String(2 * MB) });
    service.element.options.fault = { kind: 'reset', afterBytes: 1_000 };
    const first = randomBytes(300_000);
    const two = [await begin(LENGTH), await begin(LENGTH)];
    for (const client of two) client.send(first);
    await untilReserved(2 * MB);
    const third = (await begin(LENGTH)).send(first);
    expect(await answerOf(third)).toEqual([507, 'SPOOL_FULL']);
    for (const client of two) client.send(randomBytes(MB - first.length));
    for (const client of two) expect((await client.response()).status).toBe(202);
    expect(await reserved()).toBe(0);
  });

  it('takes the third when one of the others has left', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: String(2 * MB) });
    const first = await begin({ ...ASYNC, ...LENGTH });
    await begin({ ...ASYNC, ...LENGTH });
    await untilReserved(2 * MB);
    first.reset();
    await untilReserved(MB);
    const third = (await begin({ ...ASYNC, ...LENGTH })).send(randomBytes(MB));
    expect((await third.response()).status).toBe(202);
  });
});

describe('a file that does not fit into the spool', () => {
  it('is refused alone', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: String(MB) });
    expect((await service.put(randomUUID(), randomBytes(900_000), ASYNC)).status).toBe(202);
    expect((await service.put(randomUUID(), randomBytes(200_000), ASYNC)).status).toBe(507);
    expect((await service.post(randomBytes(200_000))).status).toBe(507);
    await expectReady();
    expect((await service.put(randomUUID(), randomBytes(50_000), ASYNC)).status).toBe(202);
    expect((await service.put(randomUUID(), randomBytes(50_000))).status).toBe(202);
    expect(await reserved()).toBe(0);
  });

  it.each([
    ['at the wish of its client', ASYNC, undefined],
    ['where no storage element takes it', {}, 1],
  ])('is refused as soon as that shows, where it does not say its size: %s', async (_, headers, failures) => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: String(MB) });
    service.element.options.fault = { kind: 'reset', afterBytes: 1_000 };
    const client = await begin({ ...headers, 'Transfer-Encoding': 'chunked' });
    client.send(chunk(600_000));
    await eventually(async () => expect(await reserved()).toBeGreaterThanOrEqual(600_000));
    client.send(chunk(600_000));
    expect(await answerOf(client)).toEqual([507, 'SPOOL_FULL']);
    await untilReserved(0);
    await eventually(async () => expect(await service.spooled()).toEqual([]));
    const failed = 'resilience_fallback_total{name="storage:se-1",kind="spool",outcome="failure"}';
    expect(await metric(service, failed)).toBe(failures);
  });
});

describe('the room of an upload', () => {
  const ends: [
    how: string,
    headers: Record<string, string>,
    end: (client: RawClient) => void,
    code: string,
  ][] = [
    ['stalls', { ...ASYNC }, () => undefined, 'CLIENT_STALLED'],
    [
      'has other bytes than it declares',
      { ...ASYNC, 'Repr-Digest': `sha-256=:${'A'.repeat(43)}=:` },
      (client) => client.send(randomBytes(MB)),
      'DIGEST_MISMATCH',
    ],
    [
      'has other bytes than it declares, and no storage element takes it',
      { 'Repr-Digest': `sha-256=:${'A'.repeat(43)}=:` },
      (client) => client.send(randomBytes(MB)),
      'DIGEST_MISMATCH',
    ],
  ];

  it.each(ends)('is free again when the upload %s', async (_, headers, end, code) => {
    service = await startAccepting({
      SPOOL_ACCEPT_MAX_BYTES: String(MB),
      CLIENT_IDLE_TIMEOUT_MS: '1000',
    });
    const client = await begin({ ...headers, ...LENGTH });
    end(client);
    expect((await client.response()).json().code).toBe(code);
    await untilReserved(0);
    const next = (await begin({ ...ASYNC, ...LENGTH })).send(randomBytes(MB));
    expect((await next.response()).status).toBe(202);
  });

  it('is free again when the file was accepted already', async () => {
    service = await startAccepting();
    const id = randomUUID();
    const bytes = randomBytes(MB);
    for (let count = 0; count < 2; count += 1) {
      const client = (await begin({ ...ASYNC, ...LENGTH }, id)).send(bytes);
      expect((await client.response()).status).toBe(202);
      await untilReserved(0);
    }
    expect(await metric(service, 'spool_bytes')).toBe(MB);
  });

  it('stays with the upload that has it while another of its id is turned away', async () => {
    service = await startAccepting();
    const id = randomUUID();
    await begin({ ...ASYNC, ...LENGTH }, id);
    await untilReserved(MB);
    const second = await begin({ ...ASYNC, 'Content-Length': 10 }, id);
    expect((await second.response()).json().code).toBe('UPLOAD_IN_PROGRESS');
    expect(await reserved()).toBe(MB);
  });

  it('is not taken for a file that a storage element takes', async () => {
    service = await startAccepting({ SPOOL_ACCEPT_MAX_BYTES: '1000' });
    service.element.options.fault = undefined;
    expect((await service.put(randomUUID(), randomBytes(MB))).status).toBe(201);
    expect(await reserved()).toBe(0);
  });
});
