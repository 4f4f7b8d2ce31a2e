import { Logger } from '@nestjs/common';
import { PgBoss } from 'pg-boss';
import type { BossHost } from './boss-host.js';
import { databaseFailure } from './database-failure.js';
import { migrate } from './migrations.js';
import { LANES, queueName } from './queue-names.js';

/** An open database with everything in it: our tables, and pg-boss with our queues. */
export interface Engine {
  readonly database: BossHost;
  readonly boss: PgBoss;
}

const TEN_YEARS_S = 10 * 365 * 86_400;
const ONE_DAY_S = 86_400;
const NO_JOB = '00000000-0000-0000-0000-000000000000';
const MOST_RETRIES = 2_147_483_647;

/**
 * A job is only what wakes a task up, so nothing that pg-boss does by itself may end one: no limit of retries that is
 * ever met, no retention, no queue for dead letters. A task has one job at most, told apart by its `singletonKey`.
 */
const QUEUE = {
  policy: 'exclusive',
  retryLimit: MOST_RETRIES,
  retryDelay: 0,
  retentionSeconds: TEN_YEARS_S,
  expireInSeconds: ONE_DAY_S,
} as const;

/** Brings a database up. It is closed again where that does not succeed. @throws QUEUE_UNAVAILABLE */
export async function startEngine(database: BossHost): Promise<Engine> {
  try {
    // pg-boss does not always stand two that install it at once.
    return await database.exclusively(async () => {
      await migrate(database);
      return { database, boss: await startBoss(database) };
    });
  } catch (error) {
    await database.close().catch(() => undefined);
    throw databaseFailure(error);
  }
}

/** Lets what is under way end, and closes the database. */
export async function stopEngine({ boss, database }: Engine): Promise<void> {
  await boss.stop({ graceful: false, close: false });
  await database.close();
}

/**
 * Without its supervisor, which would end jobs after their expiry and count them: leases are ours (`DeliveryQueue`), and
 * jobs that are done are deleted at once.
 */
async function startBoss({ bossDatabase, backend }: BossHost): Promise<PgBoss> {
  const boss = new PgBoss({ db: bossDatabase, backend, supervise: false, schedule: false });
  const logger = new Logger('PgBoss');
  boss.on('error', (error) => logger.warn({ err: error }, 'The queue has a problem'));
  boss.on('warning', (warning) => logger.warn(warning, 'The queue warns'));
  try {
    await boss.start();
    for (const lane of LANES) await makeQueue(boss, queueName(lane));
    return boss;
  } catch (error) {
    await boss.stop({ graceful: false, close: false });
    throw error;
  }
}

/** pg-boss looks a queue up at its first use, over a connection of its own: inside a transaction of PGlite there is none. */
async function makeQueue(boss: PgBoss, name: string): Promise<void> {
  await boss.createQueue(name, QUEUE);
  await boss.findJobs(name, { id: NO_JOB });
}
