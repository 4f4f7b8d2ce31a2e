import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import type { KillReplicas } from './kill-replicas.js';
import { ENDS_MS, expectNothingLost, onPostgres } from './kill-run.js';

/** Kills in all. */
const ROUNDS = inLongRun(100, 6);
const ROUND_MS = 30_000;

/** A process lives so long before it is killed, from the moment when it listens: at most this. */
const MAX_LIFE_MS = 2_000;

describe('a process that is killed at any instant', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });

  afterAll(async () => {
    await postgres.dispose();
  });

  const share = (part: number): number => Math.ceil(ROUNDS * part);

  it(
    'loses and doubles nothing with the embedded database',
    () =>
      expectNothingLost({
        name: 'SQLite',
        rounds: share(0.4),
        replicaCount: 1,
        variables: {},
        round: killOnce,
      }),
    ROUND_MS * share(0.4) + ENDS_MS,
  );

  it(
    'loses and doubles nothing with PostgreSQL',
    async () =>
      expectNothingLost({
        name: 'PostgreSQL',
        rounds: share(0.3),
        replicaCount: 1,
        variables: await onPostgres(postgres),
        round: killOnce,
      }),
    ROUND_MS * share(0.3) + ENDS_MS,
  );

  it(
    'loses and doubles nothing when it is one of two replicas',
    async () =>
      expectNothingLost({
        name: 'two replicas',
        rounds: share(0.3),
        replicaCount: 2,
        variables: await onPostgres(postgres),
        round: killOnce,
      }),
    ROUND_MS * share(0.3) + ENDS_MS,
  );
});

async function killOnce(replicas: KillReplicas, index: number): Promise<void> {
  await sleep(randomInt(MAX_LIFE_MS));
  await replicas.kill(index);
  await replicas.restart(index);
}
