import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.service.js';
import { Replicas } from '../../replicas/replicas.service.js';
import { type AbsentSpool, findAbsentSpools } from './absent-spools.js';
import { findSpoolFiles, refuseSpoolFiles, type SpoolPromise } from './spool-file-rows.js';

/** Before all others. */
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

export interface PromisedFile {
  readonly uploadId: string;
  readonly name: string;
}

/** What the rows say of files in the spool. All but `oldestWaitingAgeMs` @throws QUEUE_UNAVAILABLE */
@Injectable()
export class LedgerPromises {
  private identity: string | undefined;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
  ) {}

  /** Stays the same for ever; another database has another one. */
  async databaseId(): Promise<string> {
    if (this.identity !== undefined) return this.identity;
    const [row] = await this.database.query<{ database_id: string }>(
      'SELECT database_id FROM ingester.identity',
    );
    if (!row) throw new Error('The database does not know which one it is');
    this.identity = row.database_id;
    return this.identity;
  }

  /** What is known of files of these names; one that has no row is absent. */
  promised(names: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>> {
    return findSpoolFiles(this.database, names);
  }

  /** Sees to it that these are not promised any more, and gives those that are not promised already. */
  refuse(names: readonly string[]): Promise<readonly string[]> {
    return refuseSpoolFiles(this.database, names);
  }

  /** Files of this spool that are promised, by the ids of their uploads behind `after`, `limit` at most. */
  async promisedAfter(after: string | undefined, limit: number): Promise<readonly PromisedFile[]> {
    if (!this.database.isUsed()) return [];
    const rows = await this.database.query<{ upload_id: string; spool_file: string }>(
      `SELECT upload_id, spool_file FROM ingester.uploads
      WHERE spool_file IS NOT NULL AND spool_id = $3 AND upload_id > $1::uuid ORDER BY upload_id LIMIT $2`,
      [after ?? LOWEST_ID, limit, await this.replicas.spoolId()],
    );
    return rows.map(({ upload_id: uploadId, spool_file: name }) => ({ uploadId, name }));
  }

  /** Spools of others that nobody has now, although files wait there. */
  async absentSpools(): Promise<readonly AbsentSpool[]> {
    if (!this.database.isUsed()) return [];
    const own = await this.replicas.spoolId();
    return (await findAbsentSpools(this.database)).filter(({ spoolId }) => spoolId !== own);
  }

  /**
   * Milliseconds since the oldest upload was accepted that still waits in this spool for its delivery, or since it was last
   * taken up again; dead letters wait for nobody but an operator. 0 where there is none, and while the database is not open.
   * Never fails.
   */
  async oldestWaitingAgeMs(): Promise<number> {
    if (!this.database.opened) return 0;
    try {
      const [row] = await this.database.query<{ age: number | null }>(
        `SELECT ingester.now_ms() - min(waiting_since) AS age FROM ingester.tasks
        WHERE kind = 'delivery' AND spool_id = $1 AND state IN ('waiting', 'running')`,
        [await this.replicas.spoolId()],
      );
      return Math.max(0, row?.age ?? 0);
    } catch {
      return 0;
    }
  }
}
