import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type AcceptingService,
  DOWN,
  EMBEDDED,
  type Json,
  onPostgres,
  startAccepting,
} from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';

const ADMIN: Json = { role: 'admin' };
const CIRCUIT = 'storage:se-1';

/** The whole of what the service is for, as a client and an operator live through it. */
describe.each([
  ['the embedded database', async () => Promise.resolve(EMBEDDED)],
  ['PostgreSQL', onPostgres],
])('a storage outage with %s', (_, databaseOf) => {
  let service: AcceptingService;

  afterEach(() => service.close());

  it('is not the problem of those who upload', async () => {
    service = await startAccepting({
      ...(await databaseOf()),
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '3',
      STORAGE_CIRCUIT_RECOVERY_MS: '4000',
      STORAGE_CIRCUIT_MAX_RECOVERY_MS: '4000',
    });
    const { element } = service;

    element.options.fault = undefined;
    expect((await service.post(Buffer.from('before'))).status).toBe(201);

    element.options.fault = DOWN;
    element.options.readyStatus = 503;
    const files = Array.from({ length: 5 }, () => randomBytes(50_000));
    const receipts: Json[] = [];
    for (const file of files) receipts.push(await accepted(file));
    expect(receipts.map(({ status }) => status)).toEqual(files.map(() => 'accepted'));

    expect(await circuitState()).toBe('open');
    const tried = element.uploads.length;
    receipts.push(await accepted(Buffer.from('while it is open')));
    expect(element.uploads).toHaveLength(tried);

    const ready = await service.call('/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'degraded',
      details: { storage: { critical: false } },
    });

    element.options.fault = undefined;
    element.options.readyStatus = 200;
    await eventually(async () => expect(await circuitState()).toBe('closed'));
    expect(await transitions('open', 'half_open')).toBeGreaterThan(0);
    expect(await transitions('half_open', 'closed')).toBe(1);

    for (const { upload_id: id } of receipts)
      expect((await service.untilStatus(id, 'active')).file_id).toBe(id);
    expect(element.files.size).toBe(files.length + 2);
    await eventually(async () => expect(await service.spooled()).toEqual([]));
    expect((await service.post(Buffer.from('after'))).status).toBe(201);
  });

  async function accepted(file: Buffer): Promise<Json> {
    const answer = await service.post(file);
    expect(answer.status).toBe(202);
    return (await answer.json()) as Json;
  }

  async function circuitState(): Promise<unknown> {
    const path = `/api/v1/resilience/circuit-breakers/${encodeURIComponent(CIRCUIT)}`;
    return ((await (await service.call(path, {}, ADMIN)).json()) as Json).state;
  }

  async function transitions(from: string, to: string): Promise<number> {
    const text = await (await service.call('/metrics')).text();
    const labels = `{name="${CIRCUIT}",from="${from}",to="${to}",`;
    const line = text.split('\n').find((candidate) => candidate.includes(`transitions_total${labels}`));
    return Number(line?.split(' ').at(-1));
  }
});
