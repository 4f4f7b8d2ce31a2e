import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { ENDS_MS, expectNothingLost, killOnce, type KillPlan, onPostgres } from './kill-run.js';

const ROUND_MS = 30_000;

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
