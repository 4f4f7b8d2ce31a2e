import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { Database } from '../../database/database.service.js';
import { listOf } from '../../database/rows.js';
import type { PromiseOrigin, SpoolPromise, SpoolPromises } from '../spool/spool-comparison.js';
import { isNeeded } from './promise-lock.js';

/** Before all others. */
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

/** What the rows say of files in the spool. */
@Injectable()
export class LedgerPromises implements SpoolPromises {
  constructor(private readonly database: Database) {}

  async origin(): Promise<PromiseOrigin> {
    const [origin] = await this.used().query<{ database_id: string; promised: number }>(
      `SELECT database_id, (SELECT count(*) FROM (SELECT 1 FROM ingester.uploads LIMIT 1) AS one) AS promised
      FROM ingester.identity`,
    );
    if (!origin) throw new Error('The database does not know which one it is');
    return { databaseId: origin.database_id, hasPromised: origin.promised > 0 };
  }

  async promised(uploadIds: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>> {
    if (uploadIds.length === 0) return new Map();
    const rows = await this.used().query<{ upload_id: string; spool_file: string | null }>(
      `SELECT upload_id, spool_file FROM ingester.uploads WHERE upload_id IN (${listOf(uploadIds.length)})`,
      uploadIds,
    );
    return new Map(
      rows.map(({ upload_id: id, spool_file: file }) => [id, file === null ? 'finished' : 'promised']),
    );
  }

  /** Is an upload promised, or just being promised? @throws QUEUE_UNAVAILABLE */
  isNeeded(uploadId: string): Promise<boolean> {
    return isNeeded(this.used(), this.database.backend, uploadId);
  }

  async promisedAfter(after: string | undefined, limit: number): Promise<readonly string[]> {
    if (!this.database.isUsed()) return [];
    const rows = await this.database.query<{ upload_id: string }>(
      `SELECT upload_id FROM ingester.uploads
      WHERE spool_file IS NOT NULL AND upload_id > $1::uuid ORDER BY upload_id LIMIT $2`,
      [after ?? LOWEST_ID, limit],
    );
    return rows.map(({ upload_id: id }) => id);
  }

  /**
   * Milliseconds since the oldest upload was accepted that still waits for its delivery, or since it was last taken up
   * again; dead letters wait for nobody but an operator. 0 where there is none, and while the database is not open. Never
   * fails.
   */
  async oldestWaitingAgeMs(): Promise<number> {
    if (!this.database.opened) return 0;
    try {
      const [row] = await this.database.query<{ age: number | null }>(
        `SELECT ingester.now_ms() - min(waiting_since) AS age FROM ingester.tasks
        WHERE kind = 'delivery' AND state IN ('waiting', 'running')`,
      );
      return Math.max(0, row?.age ?? 0);
    } catch {
      return 0;
    }
  }

  /** The files may have been promised in another database, which somebody forgot to configure. */
  private used(): Database {
    if (this.database.isUsed()) return this.database;
    throw new ServiceError(
      'QUEUE_UNAVAILABLE',
      'There are accepted files, and no database to ask about them.',
    );
  }
}
