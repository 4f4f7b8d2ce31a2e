import type { PgBoss } from 'pg-boss';
import type { Engine } from '../database/engine.js';
import { LANES, queueName } from '../database/queue-names.js';
import { bossOf } from './boss-transaction.js';

interface LostRow {
  readonly id: string;
  readonly name: string;
  readonly retryCount: number;
}

/**
 * Gives back the jobs of processes that have not renewed their lease for `leaseMs`, and says how many. The times are
 * the database's own, so that the clocks of replicas do not matter. pg-boss could do it too, but not within seconds.
 */
export function releaseLostLeases({ database, boss }: Engine, leaseMs: number): Promise<number> {
  return database.transaction(async (tx) => {
    const lost = await tx.query<LostRow>(
      `SELECT id, name, retry_count AS "retryCount" FROM pgboss.job
       WHERE name = ANY($1::text[]) AND state = 'active'
         AND heartbeat_on < now() - $2::int * interval '1 millisecond'
       FOR UPDATE SKIP LOCKED`,
      [LANES.map(queueName), leaseMs],
    );
    for (const [name, jobs] of Map.groupBy(lost, (job) => job.name)) {
      await failAttempts(boss, name, jobs, bossOf(tx));
    }
    return lost.length;
  });
}

/** As failed, a job can be taken again at once: its retries are never used up. */
async function failAttempts(
  boss: PgBoss,
  name: string,
  jobs: LostRow[],
  db: ReturnType<typeof bossOf>,
): Promise<void> {
  await boss.fail(name, jobs, { message: 'lease lost' }, { db });
}
