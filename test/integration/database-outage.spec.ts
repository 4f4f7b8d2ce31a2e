import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';

const ASYNC = { Prefer: 'respond-async' };

describe('PostgreSQL that is stopped and started under load', () => {
  let postgres: PostgresServer;
  let service: AcceptingService;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterEach(() => service.close());

  afterAll(() => postgres.dispose());

  it('costs no straight-through upload and loses nothing that was accepted', async () => {
    service = await startAccepting({
      DATABASE_URL: await postgres.newDatabase(),
      DATABASE_CIRCUIT_RECOVERY_MS: '300',
      // What was being delivered when the database went is taken up again after this.
      DELIVERY_LEASE_MS: '2000',
    });
    const { element } = service;
    const accepted = await Promise.all(Array.from({ length: 10 }, () => accept()));

    element.options.fault = undefined;
    const statuses: number[] = [];
    const over = new AbortController();
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!over.signal.aborted) statuses.push((await service.post(randomBytes(20_000))).status);
      }),
    );
    await postgres.stop();
    const refused = await service.post(randomBytes(20_000), ASYNC);
    expect(refused.status).toBe(503);
    expect((await refused.json()) as Json).toMatchObject({ code: 'QUEUE_UNAVAILABLE', retryable: true });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const before = statuses.length;
    while (statuses.length < before + 20) await service.post(Buffer.from('one more'));
    await postgres.start();
    over.abort();
    await load;

    expect(new Set(statuses)).toEqual(new Set([201]));
    for (const id of accepted) await untilActive(id);
    expect(accepted.every((id) => element.files.has(id))).toBe(true);
    expect((await service.post(randomBytes(20_000), ASYNC)).status).toBe(202);
  });

  /** Has a file accepted while its element is down. */
  async function accept(): Promise<string> {
    service.element.options.fault = DOWN;
    const answer = await service.post(randomBytes(20_000));
    expect(answer.status).toBe(202);
    return String(((await answer.json()) as Json).upload_id);
  }

  /** While the database is not back yet, nobody can be told. */
  async function untilActive(id: string): Promise<void> {
    for (let tries = 0; tries < 150; tries += 1) {
      const answer = await service.call(`/api/v1/files/${id}`);
      if (((await answer.json()) as Json).status === 'active') return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${id} was not delivered`);
  }
});
