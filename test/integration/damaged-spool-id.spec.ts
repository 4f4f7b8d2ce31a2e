import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { type AcceptingService, type Json, startAccepting } from '../support/accepted-service.js';

const ASYNC = { prefer: 'respond-async' };

let folder: string;
let service: AcceptingService;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingester-damaged-'));
  await writeFile(join(folder, 'spool-id'), 'no id\n');
  service = await startAccepting({ SPOOL_DIR: folder, REPORT_MAX_AGE_MS: '0' });
});
afterEach(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

async function readiness(): Promise<{ status: number; text: string; replicas: Json | undefined }> {
  const answer = await fetch(`${service.running.url}/health/ready`);
  const text = await answer.text();
  const { details } = JSON.parse(text) as { details: Record<string, Json> };
  return { status: answer.status, text, replicas: details.replicas };
}

it('a spool whose id cannot be read makes the service unready until it is mended', async () => {
  const replicas = service.running.app.get(Replicas, { strict: false });
  await service.running.app.get(Database, { strict: false }).open();
  await replicas.beat();
  const { status, text, replicas: seen } = await readiness();
  expect([status, seen]).toMatchObject([
    503,
    { status: 'down', critical: true, message: 'the spool has no id, nothing is accepted' },
  ]);
  expect(text).not.toContain(folder);
  const put = (): Promise<Response> => service.put(randomUUID(), Buffer.from('a file'), ASYNC);
  expect((await put()).status).toBe(503);

  await writeFile(join(folder, 'spool-id'), `${randomUUID()}\n`);
  await replicas.beat();
  expect(await readiness()).toMatchObject({ status: 200, replicas: { status: 'up' } });
  expect((await put()).status).toBe(202);
});
