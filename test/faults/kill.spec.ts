import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import type { KillReplicas } from './kill-replicas.js';
import { ENDS_MS, expectNothingLost, onPostgres } from './kill-run.js';

/** Kills in each run: in a long run, 200 in all. */
const ROUNDS = {
  sqlite: inLongRun(70, 2),
  postgres: inLongRun(40, 2),
  sharedSpool: inLongRun(45, 2),
  spoolEach: inLongRun(45, 2),
};
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

  it(
    'loses and doubles nothing with the embedded database',
    () =>
      expectNothingLost({
        name: 'SQLite',
        replicaCount: 1,
        rounds: ROUNDS.sqlite,
        variables: {},
        round: killOnce,
      }),
    limitMs(ROUNDS.sqlite),
  );

  it(
    'loses and doubles nothing with PostgreSQL',
    async () =>
      expectNothingLost({
        name: 'PostgreSQL',
        replicaCount: 1,
        rounds: ROUNDS.postgres,
        variables: await onPostgres(postgres),
        round: killOnce,
      }),
    limitMs(ROUNDS.postgres),
  );

  it(
    'loses and doubles nothing when it is one of two replicas on one spool',
    async () =>
      expectNothingLost({
        name: 'two replicas on one spool',
        replicaCount: 2,
        rounds: ROUNDS.sharedSpool,
        variables: await onPostgres(postgres),
        round: killOnce,
      }),
    limitMs(ROUNDS.sharedSpool),
  );

  it(
    'loses and doubles nothing when it is one of two replicas with a spool each',
    async () =>
      expectNothingLost({
        name: 'two replicas with a spool each',
        replicaCount: 2,
        hasSpoolEach: true,
        rounds: ROUNDS.spoolEach,
        variables: await onPostgres(postgres),
        round: killOnce,
      }),
    limitMs(ROUNDS.spoolEach),
  );
});

function limitMs(rounds: number): number {
  return ROUND_MS * rounds + ENDS_MS;
}

async function killOnce(replicas: KillReplicas, index: number): Promise<void> {
  await sleep(randomInt(MAX_LIFE_MS));
  await replicas.kill(index);
  await replicas.restart(index);
}
