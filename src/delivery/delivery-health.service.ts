import { Injectable } from '@nestjs/common';
import { inTime } from './dead-letters/in-time.js';
import { Database } from '../database/database.service.js';
import { sentenceOf } from './ledger/absent-spools.js';
import { WakeUps } from './wake-ups.service.js';
import { SpoolRoom } from './spool/spool-room.service.js';
import { SpoolSweep } from './spool/spool-sweep.service.js';
import type { ShutReason } from './spool/spool-space.service.js';

/** An expected "no" is a value. */
export type DatabaseHealth = { readonly up: true } | { readonly up: false; readonly cause: unknown };

/** Less than a readiness check has, so that its answer is ours. */
const ASK_MS = 1_500;

/** Whether files can be accepted for later, and whether it matters that they cannot. */
@Injectable()
export class DeliveryHealth {
  private promised = false;

  constructor(
    private readonly database: Database,
    private readonly spool: SpoolRoom,
    private readonly sweep: SpoolSweep,
    wakeUps: WakeUps,
  ) {
    wakeUps.onWake(() => {
      this.promised = true;
    });
  }

  /**
   * Has anything been promised here, as far as this process can know while the database is away? The embedded one is
   * made by the first promise, and what waits in the spool was promised too.
   */
  get hasPromises(): boolean {
    return (
      this.promised ||
      this.spool.files.usage().files > 0 ||
      (this.database.backend === 'sqlite' && this.database.isUsed())
    );
  }

  /** Why the spool takes nothing now; undefined while it does. `foreign`: it holds files of another database. */
  get spoolShut(): ShutReason | 'foreign' | undefined {
    return this.spool.space.report().shut ?? ((this.sweep.report?.foreign ?? 0) > 0 ? 'foreign' : undefined);
  }

  /** Has this process a spool without an id, so that nothing is accepted? As of the last beat. */
  get lacksSpoolId(): boolean {
    return this.spool.lacksId;
  }

  /** Has an operator ordered that this process takes no new uploads? */
  get isDrained(): boolean {
    return this.spool.isDrained;
  }

  /** Is it, while another replica takes new uploads? */
  get makesWay(): boolean {
    return this.spool.makesWay;
  }

  /** Files that wait for spools which nobody has now, in a sentence for each; as of the last sweep. */
  get absentSpools(): readonly string[] {
    return this.sweep.report?.absent.map(sentenceOf) ?? [];
  }

  /** Asks the database; one that was never used is up without being opened. Never fails. */
  async askDatabase(): Promise<DatabaseHealth> {
    if (!this.database.isUsed()) return { up: true };
    try {
      await inTime(ASK_MS, this.ask());
      return { up: true };
    } catch (cause) {
      return { up: false, cause };
    }
  }

  private async ask(): Promise<void> {
    const rows = await this.database.query('SELECT 1 FROM ingester.uploads LIMIT 1');
    this.promised ||= rows.length > 0;
  }
}
