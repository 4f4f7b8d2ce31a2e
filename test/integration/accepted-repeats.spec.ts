import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { AdminModuleServer } from '../support/admin-module-server.js';
import { eventually } from '../support/eventually.js';
import {
  type AcceptingService,
  DOWN,
  type Json,
  sha256,
  startAccepting,
} from '../support/accepted-service.js';
import { TokenEndpointServer } from '../support/token-endpoint.js';

describe('PUT of an id that was accepted', () => {
  const bytes = randomBytes(300_000);
  let service: AcceptingService;

  beforeAll(async () => {
    service = await startAccepting();
  });

  beforeEach(() => {
    service.element.options.fault = DOWN;
    service.element.files.clear();
  });

  afterAll(() => service.close());

  async function accepted(): Promise<Json> {
    const answer = await service.put(randomUUID(), bytes, { 'Content-Type': 'image/png' });
    expect(answer.status).toBe(202);
    return (await answer.json()) as Json;
  }

  it('with the same bytes gives the first receipt, 202 while it is not stored and 200 after', async () => {
    const first = await accepted();
    const id = String(first.upload_id);
    const again = await service.put(id.toUpperCase(), bytes);
    expect(again.status).toBe(202);
    expect(again.headers.get('location')).toBe(`/api/v1/files/${id}`);
    expect(await again.json()).toEqual({
      ...first,
      status: expect.stringMatching(/^(accepted|delivering)$/),
    });

    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    const last = await service.put(id, bytes);
    expect(last.status).toBe(200);
    expect(await last.json()).toMatchObject({ upload_id: id, status: 'active', file_id: id });
    expect(service.element.files.get(id)).toMatchObject({ sha256: sha256(bytes) });
  });

  it('with other bytes, or by another caller, is a conflict, and the first is delivered', async () => {
    const { upload_id: id } = await accepted();
    const other = await service.put(String(id), Buffer.from('other'));
    expect(await other.json()).toMatchObject({ status: 409, code: 'CONFLICT' });
    const mallory = await service.put(String(id), bytes, {}, { sub: 'mallory' });
    expect(mallory.status).toBe(409);
    expect(JSON.stringify(await mallory.json())).not.toContain('alice');

    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    expect(service.element.files.get(String(id))).toMatchObject({ sha256: sha256(bytes) });
  });

  it('from two clients at once makes one promise', async () => {
    const id = randomUUID();
    const answers = await Promise.all([service.put(id, bytes), service.put(id, bytes)]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 409]));
    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    expect(service.element.files.size).toBe(1);
  });
});

describe('PUT of an id that was accepted, when the element is back before the delivery', () => {
  it('keeps to the promise, and stores nothing beside it', async () => {
    const service = await startAccepting({
      DELIVERY_BACKOFF_BASE_MS: '100000000',
      DELIVERY_BACKOFF_MAX_MS: '100000000',
    });
    const bytes = randomBytes(1_000);
    const id = randomUUID();
    expect((await service.put(id, bytes)).status).toBe(202);
    await eventually(async () => {
      const receipt = await (await service.call(`/api/v1/files/${id}`)).json();
      expect(receipt).toMatchObject({ status: 'delivering' });
    });
    // Only an attempt that is over fails for certain: the element looks at its fault when it has the whole file.
    const states = (): string[] => service.element.uploads.map(({ state }) => state);
    await eventually(() => Promise.resolve(expect(states()).toEqual(['refused', 'refused'])));
    service.element.options.fault = undefined;
    expect((await service.put(id, bytes)).status).toBe(202);
    expect((await service.put(id, Buffer.from('other'))).status).toBe(409);
    expect(service.element.files.size).toBe(0);
    await service.close();
  });
});

describe('PUT of a file that was stored by a process which was killed just then', () => {
  it('has it registered, once', async () => {
    const admin = await AdminModuleServer.start();
    const tokens = await TokenEndpointServer.start();
    const service = await startAccepting({
      ADMIN_URL: admin.url,
      SERVICE_TOKEN_URL: tokens.url,
      SERVICE_CLIENT_ID: 'ingester',
      SERVICE_CLIENT_SECRET: 'hunter2',
    });
    service.element.options.fault = undefined;
    const bytes = randomBytes(1_000);
    const id = randomUUID();
    const first = await service.put(id, bytes);
    expect(first.status).toBe(201);
    await eventually(() => Promise.resolve(expect(admin.requests).toHaveLength(1)));
    const database = service.running.app.get(Database, { strict: false });
    const states = (): Promise<object[]> => database.query('SELECT kind, state FROM ingester.tasks');
    const done = (): Promise<void> =>
      eventually(async () => expect(await states()).toEqual([{ kind: 'registration', state: 'done' }]));
    await done();
    // What is written down here for the registration is known later, too.
    const later = await service.call(`/api/v1/files/${id}`);
    expect(await later.json()).toEqual(await first.json());
    // As if the note had never been taken.
    await database.query('DELETE FROM ingester.uploads');
    for (let time = 0; time < 2; time += 1) {
      expect((await service.put(id, bytes)).status).toBe(200);
      await done();
    }
    expect(admin.requests).toHaveLength(2);
    expect(admin.requests[1]?.body).toEqual(admin.requests[0]?.body);
    expect((await service.put(id, Buffer.from('other'))).status).toBe(409);
    await service.close();
    await Promise.all([admin.close(), tokens.close()]);
  });
});
