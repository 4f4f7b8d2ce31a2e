import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AcceptingService, EMBEDDED, type Json, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';

/** The sweep takes at once what it may take at all, also what is just being accepted: nothing for one that accepts. */
const IMPATIENT = {
  SPOOL_ORPHAN_AGE_MS: '1',
  SPOOL_SWEEP_INTERVAL_MS: '50',
  STORAGE_COMMIT_TIMEOUT_MS: '100',
};
const ASYNC = { prefer: 'respond-async' };

describe('a service that is given another database', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  const readiness = async ({ running }: AcceptingService): Promise<[number, Json]> => {
    const answer = await fetch(`${running.url}/health/ready`);
    return [answer.status, (await answer.json()) as Json];
  };

  it('keeps what was accepted in the one before, says so, and has its own beside it', async () => {
    const first = await startAccepting(EMBEDDED);
    const uploadId = randomUUID();
    expect((await first.put(uploadId, randomBytes(100), ASYNC)).status).toBe(202);
    await first.running.app.close();
    const DATA_DIR = first.running.dataDir;

    const url = await postgres.newDatabase();
    const changed = await startAccepting({ ...IMPATIENT, DATA_DIR, DATABASE_URL: url });
    await eventually(async () => {
      const [status, { details }] = await readiness(changed);
      expect([status, details]).toEqual([
        200,
        expect.objectContaining({ spool: expect.objectContaining({ status: 'degraded' }) }),
      ]);
    });
    await sleep(300);
    expect(await changed.spooled()).toEqual([expect.stringContaining(uploadId)]);
    const own = randomUUID();
    const bytes = randomBytes(100);
    // The sweep may take what is a millisecond old, and not promised yet, for left: then it is sent again.
    await eventually(async () => expect((await changed.put(own, bytes, ASYNC)).status).toBe(202));
    changed.element.options.fault = undefined;
    await changed.untilStatus(own, 'active');
    await eventually(async () =>
      expect(await changed.spooled()).toEqual([expect.stringContaining(uploadId)]),
    );
    await changed.running.app.close();

    const back = await startAccepting({ ...IMPATIENT, ...EMBEDDED, DATA_DIR });
    back.element.options.fault = undefined;
    await back.untilStatus(uploadId, 'active');
    await eventually(async () => expect(await back.spooled()).toEqual([]));
    await back.running.app.close();

    const again = await startAccepting({ DATA_DIR, DATABASE_URL: url });
    expect((await again.put(randomUUID(), randomBytes(100), ASYNC)).status).toBe(202);
    expect((await readiness(again))[0]).toBe(200);
    for (const service of [back, changed, first, again]) await service.element.close();
    await again.close();
  });
});
