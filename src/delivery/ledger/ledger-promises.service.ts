import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.service.js';
import { Replicas } from '../../replicas/replicas.service.js';
import type { PromisedFile, SpoolPromise, SpoolPromises } from '../spool/spool-comparison.js';
import { type AbsentSpool, findAbsentSpools } from './absent-spools.js';
import { findSpoolFiles, refuseSpoolFiles } from './spool-file-rows.js';

/** Before all others. */
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

/** What the rows say of files in the spool. */
@Injectable()
export class LedgerPromises implements SpoolPromises {
  private identity: string | undefined;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
  ) {}

  async databaseId(): Promise<string> {
    this.identity ??= await this.readIdentity();
    return this.identity;
  }

  promised(names: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>> {
    return findSpoolFiles(this.database, names);
  }

  refuse(names: readonly string[]): Promise<readonly string[]> {
    return refuseSpoolFiles(this.database, names);
  }

  async promisedAfter(after: string | undefined, limit: number): Promise<readonly PromisedFile[]> {
    if (!this.database.isUsed()) return [];
    const rows = await this.database.query<{ upload_id: string; spool_file: string }>(
      `SELECT upload_id, spool_file FROM ingester.uploads
      WHERE spool_file IS NOT NULL AND spool_id = $3 AND upload_id > $1::uuid ORDER BY upload_id LIMIT $2`,
      [after ?? LOWEST_ID, limit, await this.replicas.spoolId()],
    );
    return rows.map(({ upload_id: uploadId, spool_file: name }) => ({ uploadId, name }));
  }

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

  private async readIdentity(): Promise<string> {
    const [row] = await this.database.query<{ database_id: string }>(
      'SELECT database_id FROM ingester.identity',
    );
    if (!row) throw new Error('The database does not know which one it is');
    return row.database_id;
  }
}
