import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { DeliveryDatabase } from '../database/delivery-database.service.js';
import type { Database } from '../database/sql.js';
import type { PromiseOrigin, SpoolPromise, SpoolPromises } from '../spool/spool-comparison.js';
import { isNeeded } from './promise-lock.js';

/** What the rows say of files in the spool. */
@Injectable()
export class LedgerPromises implements SpoolPromises {
  constructor(private readonly database: DeliveryDatabase) {}

  async origin(): Promise<PromiseOrigin> {
    const database = await this.openUsed();
    const [origin] = await database.query<PromiseOrigin>(
      `SELECT database_id AS "databaseId", EXISTS (SELECT 1 FROM ingester.uploads) AS "hasPromised"
      FROM ingester.identity`,
    );
    if (!origin) throw new Error('The database does not know which one it is');
    return origin;
  }

  async promised(uploadIds: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>> {
    const database = await this.openUsed();
    const rows = await database.query<{ upload_id: string; needed: boolean }>(
      'SELECT upload_id, spool_file IS NOT NULL AS needed FROM ingester.uploads WHERE upload_id = ANY ($1::uuid[])',
      [uploadIds],
    );
    return new Map(rows.map(({ upload_id: id, needed }) => [id, needed ? 'promised' : 'finished']));
  }

  /** Is an upload promised, or just being promised? @throws QUEUE_UNAVAILABLE */
  async isNeeded(uploadId: string): Promise<boolean> {
    return isNeeded(await this.openUsed(), uploadId);
  }

  async promisedAfter(after: string | undefined, limit: number): Promise<readonly string[]> {
    if (!this.database.isUsed()) return [];
    const database = await this.database.open();
    const rows = await database.query<{ upload_id: string }>(
      `SELECT upload_id FROM ingester.uploads
      WHERE spool_file IS NOT NULL AND ($1::uuid IS NULL OR upload_id > $1::uuid) ORDER BY upload_id LIMIT $2`,
      [after ?? null, limit],
    );
    return rows.map(({ upload_id: id }) => id);
  }

  /**
   * Milliseconds since the oldest upload was accepted that still waits for its delivery, or since it was last revived;
   * dead letters wait for nobody but an operator. 0 where there is none, and while the database is not open. Never fails.
   */
  async oldestWaitingAgeMs(nowMs: number): Promise<number> {
    if (!this.database.opened) return 0;
    try {
      const database = await this.database.open();
      const [row] = await database.query<{ oldest: Date | null }>(
        `SELECT min(coalesce(revived_at, created_at)) AS oldest FROM ingester.tasks
        WHERE kind = 'delivery' AND state IN ('waiting', 'running')`,
      );
      return row?.oldest ? Math.max(0, nowMs - row.oldest.getTime()) : 0;
    } catch {
      return 0;
    }
  }

  /** The files may have been promised in another database, which somebody forgot to configure. */
  private openUsed(): Promise<Database> {
    if (this.database.isUsed()) return this.database.open();
    throw new ServiceError(
      'QUEUE_UNAVAILABLE',
      'There are accepted files, and no database to ask about them.',
    );
  }
}
