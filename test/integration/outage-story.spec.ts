import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';

const ADMIN: Json = { role: 'admin' };
const CIRCUIT = 'storage:se-1';

/** The whole of what the service is for, as a client and an operator live through it. */
describe('a storage outage', () => {
  let service: AcceptingService;

  afterEach(() => service.close());

  it('is not the problem of those who upload', async () => {
    service = await startAccepting({
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '3',
      STORAGE_CIRCUIT_RECOVERY_MS: '1500',
      STORAGE_CIRCUIT_MAX_RECOVERY_MS: '1500',
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
    expect((await statesUntil('closed')).slice(-2)).toEqual(['half_open', 'closed']);

    for (const { upload_id: id } of receipts)
      expect((await service.untilStatus(id, 'active')).file_id).toBe(id);
    expect(element.files.size).toBe(files.length + 2);
    expect(await service.spooled()).toEqual([]);
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

  /** The states that the circuit is seen in, until it comes to `last`. */
  async function statesUntil(last: string): Promise<unknown[]> {
    const seen: unknown[] = [];
    for (let tries = 0; tries < 2_000 && seen.at(-1) !== last; tries += 1) {
      const state = await circuitState();
      if (seen.at(-1) !== state) seen.push(state);
      await sleep(3);
    }
    return seen;
  }
});
