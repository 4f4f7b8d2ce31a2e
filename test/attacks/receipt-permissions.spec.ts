import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';

const NOBODY = { role: undefined };
const READER = { role: undefined, scope: 'files:read' };

let service: AcceptingService;

beforeAll(async () => {
  service = await startAccepting({ JWT_CLOCK_TOLERANCE_MS: '0' });
});

beforeEach(() => {
  service.element.options.fault = DOWN;
});

afterAll(() => service.close());

async function accepted(): Promise<string> {
  return String(((await (await service.post(Buffer.from('hello'))).json()) as Json).upload_id);
}

/** The questions about an id that have come to the element. */
function askedFor(id: string): string[] {
  return service.element.requests.map(({ path }) => path).filter((path) => path.includes(id));
}

describe('a token that grants nothing of ours', () => {
  it.each([
    ['GET', ''],
    ['HEAD', ''],
    ['DELETE', ''],
    ['GET', '/events'],
    ['HEAD', '/events'],
  ])('is refused before anybody is asked: %s {id}%s', async (method, path) => {
    const id = randomUUID();
    for (const claims of [NOBODY, { role: 'nobody' }, { role: undefined, scope: 'openid profile' }]) {
      const answer = await service.call(`/api/v1/files/${id}${path}`, { method }, claims);
      expect(answer.status).toBe(403);
      expect(answer.headers.get('www-authenticate')).toMatch(/insufficient_scope", scope="files:read"$/);
    }
    expect(askedFor(id)).toEqual([]);
  });

  it('gets the same answer for an upload that there is, also for its own', async () => {
    const id = await accepted();
    expect((await service.call(`/api/v1/files/${id}`, {}, NOBODY)).status).toBe(403);
    expect((await service.call(`/api/v1/files/${id}`, {}, { ...NOBODY, sub: 'mallory' })).status).toBe(403);
  });
});

describe('a token that grants reading alone', () => {
  it('shows the receipts and events of its own uploads, and nothing else', async () => {
    const id = await accepted();
    const path = `/api/v1/files/${id}`;
    expect((await service.call(path, {}, READER)).status).toBe(200);
    expect((await service.call(`${path}/events`, { method: 'HEAD' }, READER)).status).toBe(200);
    expect((await service.call(path, {}, { ...READER, sub: 'mallory' })).status).toBe(404);
    expect((await service.put(randomUUID(), Buffer.from('x'), {}, READER)).status).toBe(403);
    const unknown = randomUUID();
    const cancelled = await service.call(`/api/v1/files/${unknown}`, { method: 'DELETE' }, READER);
    expect(await cancelled.json()).toMatchObject({
      code: 'FORBIDDEN',
      detail: expect.stringContaining('files:write'),
    });
    expect(askedFor(unknown)).toEqual([]);
  });
});

describe('one who watches an upload', () => {
  it('is let go when his token ends, and goes on with a new one where he stopped', async () => {
    const id = await accepted();
    const path = `/api/v1/files/${id}/events`;
    const exp = Math.floor(Date.now() / 1000) + 3;
    const stream = await service.call(path, { signal: AbortSignal.timeout(20_000) }, { exp });
    const told = await stream.text();
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000 - 1);
    expect(Date.now()).toBeLessThan(exp * 1000 + 5_000);
    expect(told).toContain('"accepted"');
    expect((await service.call(path, {}, { exp })).status).toBe(401);

    const [lastId = ''] = told.match(/(?<=^id: )\d+/gm)?.slice(-1) ?? [];
    service.element.options.fault = undefined;
    const rest = await (await service.call(path, { headers: { 'Last-Event-ID': lastId } })).text();
    const ids = rest.match(/(?<=^id: )\d+/gm)?.map(Number);
    expect(ids?.[0]).toBe(Number(lastId) + 1);
    expect(rest).toContain('"active"');
  });
});
