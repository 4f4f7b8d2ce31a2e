import type { BackendProfile, Db } from 'pg-boss';
import type { Database } from './sql.js';

/** A database that pg-boss can live in as well. */
export interface BossHost extends Database {
  readonly backend: Extract<BackendProfile, 'postgres' | 'pglite'>;
  /** What pg-boss runs its own statements on. */
  readonly bossDatabase: Db;
  /** Runs `work`, which uses this database, while no other process does. @throws QUEUE_UNAVAILABLE */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Set once it cannot be used any more, for good. Another one can then be opened. */
  readonly lost: boolean;
}
