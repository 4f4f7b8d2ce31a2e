import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { type AcceptingService, type Json, startAccepting } from '../support/accepted-service.js';

interface Event {
  readonly event: string;
  readonly id: number | undefined;
  readonly data: Json;
}

/** The events of a stream, read to its end. */
function eventsIn(text: string): Event[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('event:'))
    .map((block) => {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      const id = fields.get('id');
      const data = JSON.parse(fields.get('data') ?? '') as Json;
      return { event: fields.get('event') ?? '', id: id === undefined ? undefined : Number(id), data };
    });
}

const statusesOf = (events: Event[]): unknown[] =>
  events.filter(({ event }) => event === 'status').map(({ data }) => data.status);

describe('GET /api/v1/files/{upload_id}/events', () => {
  let service: AcceptingService;

  beforeEach(async () => {
    service = await startAccepting({ STORAGE_COMMIT_TIMEOUT_MS: '20000' });
    // Of what is refused like this, nobody has to wait whether it comes all the same.
    service.element.options.fault = { kind: 'answer', status: 507 };
  });

  afterEach(() => service.close());

  const accepted = async (bytes = Buffer.from('hello')): Promise<string> =>
    String(((await (await service.post(bytes)).json()) as Json).upload_id);
  const watch = (id: string, headers: Record<string, string> = {}, claims: Json = {}): Promise<Response> =>
    service.call(`/api/v1/files/${id}/events`, { headers }, claims);

  /** A stream that can be left: `fetch` would open a connection anew when it is. */
  async function leaverOf(id: string): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${await service.running.token()}` };
    const request = get(`${service.running.url}/api/v1/files/${id}/events`, { agent: false, headers });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect(answer.resume().statusCode).toBe(200);
    return answer;
  }

  it('tells every change of state until the file is stored, and then ends', async () => {
    const id = await accepted();
    const stream = await watch(id);
    expect(stream.status).toBe(200);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.headers.get('x-accel-buffering')).toBe('no');
    expect(stream.headers.get('x-api-version')).toBe('1');
    service.element.options.fault = undefined;
    const text = await stream.text();
    const events = eventsIn(text);
    const statuses = statusesOf(events);
    expect(statuses[0]).toBe('accepted');
    expect(statuses).toContain('delivering');
    expect(statuses.at(-1)).toBe('active');
    expect(events.at(-1)?.data).toEqual({
      upload_id: id,
      status: 'active',
      file_id: id,
      at: expect.any(String),
    });
    const ids = events.flatMap((event) => event.id ?? []);
    expect(ids).toEqual(ids.map((_, index) => index + 1));
    expect(text).not.toContain('se-1');
  });

  it('tells how many bytes have been delivered', async () => {
    const id = await accepted(randomBytes(4_000_000));
    service.element.options.fault = { kind: 'slow', bytesPerSecond: 1_000_000 };
    const events = eventsIn(await (await watch(id)).text());
    const progress = events.filter(({ event }) => event === 'progress').map(({ data }) => data);
    expect(progress.length).toBeGreaterThan(0);
    expect(progress[0]).toEqual({ upload_id: id, bytes_delivered: expect.any(Number), size: 4_000_000 });
  });

  it('goes on after the last event that the client has seen', async () => {
    const id = await accepted();
    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    const all = eventsIn(await (await watch(id)).text());
    const lastId = all.at(-1)?.id ?? 0;
    expect(lastId).toBeGreaterThanOrEqual(3);
    const rest = eventsIn(await (await watch(id, { 'Last-Event-ID': '1' })).text());
    expect(rest).toEqual(all.slice(1));
    const over = await watch(id, { 'Last-Event-ID': String(lastId) });
    expect([over.status, await over.text()]).toEqual([204, '']);
  });

  it('sends everything to one who has seen what cannot be', async () => {
    const id = await accepted();
    await service.call(`/api/v1/files/${id}`, { method: 'DELETE' });
    for (const seen of ['', 'x', '-1', '1e3', '999', '00000000000001']) {
      const events = eventsIn(await (await watch(id, { 'Last-Event-ID': seen })).text());
      expect(statusesOf(events).at(-1)).toBe('cancelled');
      expect(events[0]?.id).toBe(1);
    }
  });

  it('has one event for a file that was stored at once', async () => {
    service.element.options.fault = undefined;
    const id = await accepted();
    const events = eventsIn(await (await watch(id)).text());
    expect(events).toMatchObject([
      { event: 'status', id: 1, data: { upload_id: id, status: 'active', file_id: id } },
    ]);
    expect((await watch(id, { 'Last-Event-ID': '1' })).status).toBe(204);
    expect(eventsIn(await (await watch(id, { 'Last-Event-ID': '999' })).text())).toEqual(events);
  });

  it('is for those who may read the receipt', async () => {
    const id = await accepted();
    expect((await watch(id, {}, { sub: 'mallory' })).status).toBe(404);
    expect((await watch(randomUUID())).status).toBe(404);
    const admin = await watch(id, {}, { sub: 'root', role: 'admin' });
    expect(admin.status).toBe(200);
    await service.call(`/api/v1/files/${id}`, { method: 'DELETE' });
    expect(statusesOf(eventsIn(await admin.text())).at(-1)).toBe('cancelled');
  });

  it('is limited to fifty a caller, and has a place again when one leaves', async () => {
    const id = await accepted();
    const leaver = await leaverOf(id);
    const streams = await Promise.all(Array.from({ length: 49 }, () => watch(id)));
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await watch(id);
    expect(await refused.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect((await watch(id, {}, { sub: 'root', role: 'admin' })).status).toBe(200);
    leaver.destroy();
    await eventually(async () => expect((await watch(id)).status).toBe(200));
  });

  it('ends when the service closes, which does not wait for it', async () => {
    const reader = (await watch(await accepted())).body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"accepted"')) text += (await reader?.read())?.value ?? '';
    const begunMs = performance.now();
    await service.running.app.close();
    expect(performance.now() - begunMs).toBeLessThan(5_000);
    while ((await reader?.read())?.done === false);
  });
});
