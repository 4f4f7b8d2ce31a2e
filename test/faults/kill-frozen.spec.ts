import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inLongRun, isLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import type { KillReplicas } from './kill-replicas.js';
import { ENDS_MS, expectNothingLost, onPostgres } from './kill-run.js';

const ROUNDS = inLongRun(100, 1);
const ROUND_MS = 30_000;
const MAX_LIFE_MS = 1_500;

/** Shorter than the time for which a replica stands still, so that the other one takes over what it was delivering. */
const LEASE_MS = 500;
const MIN_FROZEN_MS = 2 * LEASE_MS;
const MAX_FROZEN_MS = 6 * LEASE_MS;

describe('a replica that stands still for longer than its lease, and goes on', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });

  afterAll(async () => {
    await postgres.dispose();
  });

  it(
    'loses and doubles nothing of what the other one took over',
    async () =>
      expectNothingLost({
        name: 'one of two replicas frozen',
        rounds: ROUNDS,
        replicaCount: 2,
        variables: { ...(await onPostgres(postgres)), DELIVERY_LEASE_MS: String(LEASE_MS) },
        round: freezeOnce,
        afterwards: expectTakenOver,
      }),
    ROUND_MS * ROUNDS + ENDS_MS,
  );
});

async function freezeOnce(replicas: KillReplicas, index: number): Promise<void> {
  await sleep(randomInt(MAX_LIFE_MS));
  replicas.freeze(index);
  await sleep(randomInt(MIN_FROZEN_MS, MAX_FROZEN_MS));
  replicas.thaw(index);
}

/** Else nothing was seen of what this is about. */
function expectTakenOver(replicas: KillReplicas): void {
  const { length } = replicas.output().match(/a task was taken over by another process/g) ?? [];
  process.stdout.write(`kill test: ${length} tasks were taken over from a frozen replica\n`);
  if (isLongRun) expect(length).toBeGreaterThan(0);
}
