import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { inTime } from './dead-letters/in-time.js';
import { DeliveryStore } from './delivery-store.service.js';
import { SpoolRoom } from './spool/spool-room.service.js';
import type { ShutReason } from './spool/spool-space.service.js';

/** An expected "no" is a value. */
export type DatabaseHealth = { readonly up: true } | { readonly up: false; readonly cause: unknown };

/** Less than a readiness check has, so that its answer is ours. */
const ASK_MS = 1_500;

/** Whether files can be accepted for later, and whether it matters that they cannot. */
@Injectable()
export class DeliveryHealth {
  private readonly embedded: boolean;
  private promised = false;

  constructor(
    private readonly store: DeliveryStore,
    private readonly spool: SpoolRoom,
    config: ConfigService<Environment, true>,
  ) {
    store.onPublished(() => {
      this.promised = true;
    });
    this.embedded = config.get('DATABASE_URL', { infer: true }) === undefined;
  }

  /**
   * Has anything been promised here, as far as this process can know while the database is away? The embedded one is
   * made by the first promise, and what waits in the spool was promised too.
   */
  get hasPromises(): boolean {
    return (
      this.promised || this.spool.files.usage().files > 0 || (this.embedded && this.store.database.isUsed())
    );
  }

  /** Why the spool takes nothing now; undefined while it does. `foreign`: it holds files of another database. */
  get spoolShut(): ShutReason | 'foreign' | undefined {
    return this.spool.space.report().shut ?? (this.spool.owner.isForeign ? 'foreign' : undefined);
  }

  /** Asks the database; one that was never used is up without being opened. Never fails. */
  async askDatabase(): Promise<DatabaseHealth> {
    if (!this.store.database.isUsed()) return { up: true };
    try {
      await inTime(ASK_MS, this.ask());
      return { up: true };
    } catch (cause) {
      return { up: false, cause };
    }
  }

  private async ask(): Promise<void> {
    const database = await this.store.database.open();
    const [row] = await database.query<{ promised: boolean }>(
      'SELECT EXISTS (SELECT 1 FROM ingester.uploads) AS promised',
    );
    this.promised ||= row?.promised === true;
  }
}
