import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import type { KillReplicas } from './kill-replicas.js';
import { ENDS_MS, expectNothingLost, type KillPlan, onPostgres } from './kill-run.js';

const ROUND_MS = 30_000;

/** A process lives so long before it is killed, from the moment when it listens: at most this. */
const MAX_LIFE_MS = 2_000;

type KillCase = Pick<KillPlan, 'name' | 'replicaCount' | 'hasSpoolEach' | 'rounds'> & {
  readonly database: 'SQLite' | 'PostgreSQL';
};

/** In a long run, 200 kills in all. One process with PostgreSQL shows nothing that two do not, but for rare things. */
const CASES: readonly KillCase[] = [
  { name: 'with SQLite', database: 'SQLite', replicaCount: 1, rounds: inLongRun(70, 1) },
  { name: 'with PostgreSQL', database: 'PostgreSQL', replicaCount: 1, rounds: inLongRun(40, 0) },
  {
    name: 'when it is one of two replicas on one spool',
    database: 'PostgreSQL',
    replicaCount: 2,
    rounds: inLongRun(45, 1),
  },
  {
    name: 'when it is one of two replicas with a spool each',
    database: 'PostgreSQL',
    replicaCount: 2,
    hasSpoolEach: true,
    rounds: inLongRun(45, 1),
  },
];

describe('a process that is killed at any instant', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });

  afterAll(async () => {
    await postgres.dispose();
  });

  it.each(CASES.filter(({ rounds }) => rounds > 0))(
    'loses and doubles nothing $name',
    async ({ database, ...plan }) => {
      const variables = database === 'SQLite' ? {} : await onPostgres(postgres);
      await expectNothingLost({ ...plan, variables, round: killOnce });
    },
    Math.max(...CASES.map(({ rounds }) => rounds)) * ROUND_MS + ENDS_MS,
  );
});

async function killOnce(replicas: KillReplicas, index: number): Promise<void> {
  await sleep(randomInt(MAX_LIFE_MS));
  await replicas.kill(index);
  await replicas.restart(index);
}
