import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { ExpirySweep } from '../../src/storage/expiry-sweep.service.js';
import { type AcceptingService, type Json, metric, startAccepting } from '../support/accepted-service.js';

const DAY_MS = 86_400_000;

describe('a file on a local storage element', () => {
  let service: AcceptingService;

  beforeAll(async () => {
    service = await startAccepting({ STORAGE_ELEMENTS: '' });
  });

  afterAll(() => service.close());

  async function upload(fields: Record<string, string>, headers = {}): Promise<string> {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append('file', new Blob(['hello']), 'a.txt');
    const answer = await service.call('/api/v1/files/upload', { method: 'POST', body, headers });
    expect(answer.ok).toBe(true);
    return String(((await answer.json()) as Json).upload_id);
  }

  function recordOf(id: string, element: string): string {
    return join(service.running.dataDir, 'storage', element, 'files', id.slice(-2), `${id}.json`);
  }

  /** Has the file uploaded so many days earlier than it was. */
  async function makeOlder(id: string, element: string, days = 2): Promise<void> {
    const path = recordOf(id, element);
    const record = JSON.parse(await readFile(path, 'utf8')) as Json;
    const uploadedAt = new Date(Date.parse(String(record.uploaded_at)) - days * DAY_MS).toISOString();
    await writeFile(path, JSON.stringify({ ...record, uploaded_at: uploadedAt }));
    const database = service.running.app.get(Database, { strict: false });
    await database.query(
      `UPDATE ingester.uploads SET description = replace(description, $2, $3) WHERE upload_id = $1`,
      [id, String(record.uploaded_at), uploadedAt],
    );
  }

  const sweep = (): Promise<void> => service.running.app.get(ExpirySweep, { strict: false }).sweep();
  const read = (id: string): Promise<Response> => service.call(`/api/v1/files/${id}`);
  const statusOf = async (id: string): Promise<unknown> => ((await (await read(id)).json()) as Json).status;

  it('is gone when its time is over, its receipt says so, and a permanent one stays', async () => {
    const later = { prefer: 'respond-async' };
    const temporary = await upload({ ttl_days: '1' }, later);
    const permanent = await upload({ retention_policy: 'permanent' }, later);
    await service.untilStatus(temporary, 'active');
    await service.untilStatus(permanent, 'active');
    await sweep();
    expect(existsSync(recordOf(temporary, 'edit'))).toBe(true);
    await makeOlder(temporary, 'edit');
    await makeOlder(permanent, 'rw');
    expect(await statusOf(temporary)).toBe('expired');
    await sweep();
    expect(existsSync(recordOf(temporary, 'edit'))).toBe(false);
    expect(existsSync(recordOf(permanent, 'rw'))).toBe(true);
    expect(await statusOf(temporary)).toBe('expired');
    expect(await statusOf(permanent)).toBe('active');
    expect(await metric(service, 'storage_expired_files_total{target="storage:local-edit"}')).toBe(1);
    expect(await metric(service, 'storage_expired_bytes_total{target="storage:local-edit"}')).toBe(5);
    expect(await metric(service, 'storage_expired_files_total{target="storage:local-rw"}')).toBe(0);
  });

  it('has its receipt for as long as it is there, where nothing was written down of it', async () => {
    const id = await upload({ ttl_days: '1' });
    await makeOlder(id, 'edit');
    expect(await statusOf(id)).toBe('expired');
    await sweep();
    expect((await read(id)).status).toBe(404);
  });

  it('is stored anew under its id when it is gone', async () => {
    const id = randomUUID();
    expect((await service.put(id, Buffer.from('hello'))).status).toBe(201);
    await makeOlder(id, 'edit', 31);
    const repeated = await service.put(id, Buffer.from('hello'));
    expect([repeated.status, ((await repeated.json()) as Json).status]).toEqual([200, 'expired']);
    await sweep();
    expect((await service.put(id, Buffer.from('hello'))).status).toBe(201);
    await sweep();
    expect(await statusOf(id)).toBe('active');
  });
});
