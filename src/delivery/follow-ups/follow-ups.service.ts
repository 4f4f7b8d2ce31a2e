import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { Database } from '../../database/database.service.js';
import type { NewPlacement } from '../placement.js';
import { IntentFiles } from '../spool/intent-files.service.js';
import { SpoolDamaged } from '../spool/spool-damaged.js';
import { type Intent, intentOf, intentSchema, type StoredUpload } from './follow-up-intent.js';
import { FollowUpTasks } from './follow-up-tasks.service.js';
import { StoredUploads } from './stored-uploads.service.js';

/**
 * Sees to it that what is left to be done for files which were stored without a promise is done all the same: that they
 * are registered at the Admin module, and that no copies of them stay where nobody knows of them.
 */
@Injectable()
export class FollowUps implements BeforeApplicationShutdown {
  private readonly logger = new Logger(FollowUps.name);
  private importing: Promise<void> | undefined;
  /** Was something noted since the import under way has begun? */
  private noted = false;
  private stopping = false;

  constructor(
    private readonly database: Database,
    private readonly tasks: FollowUpTasks,
    private readonly intents: IntentFiles,
    private readonly stored: StoredUploads,
  ) {}

  /**
   * Takes note, durably, of what is left to be done for a stored file: in the database, or in the spool while that is
   * away or not open yet, which takes longer than a client should wait. Nothing where nothing is left, unless it
   * `mustBeNoted`: as where the same upload may be promised, so that its delivery is to hear of it. Tells whether the upload
   * is written down, so that it can be asked for as long as receipts are kept.
   * @throws UPLOAD_IN_PROGRESS while its delivery is being cancelled; SPOOL_FULL, INTERNAL_ERROR when neither takes note of
   * a file that a task is to follow, or that must be noted
   */
  async note(upload: StoredUpload, mustBeNoted = false): Promise<boolean> {
    const { following: kinds } = this.tasks;
    if (kinds.length + upload.copies.length === 0 && !mustBeNoted) return false;
    try {
      await this.noteSafely({ ...upload, kinds });
      return true;
    } catch (error) {
      if (kinds.length > 0 || mustBeNoted) throw error;
      const { uploadId } = upload;
      const targets = upload.copies.map(({ target }) => target);
      this.logger.warn({ err: error, upload_id: uploadId, targets }, 'copies of a stored file may stay');
      return false;
    }
  }

  /**
   * Brings what was noted in the spool into the database, and says how many. A note that cannot be read stays, and is
   * reported each time. Ends early at a shutdown. @throws QUEUE_UNAVAILABLE, Error of the file system: then what is left
   * stays for another time
   */
  async importIntents(): Promise<number> {
    let imported = 0;
    for (const uploadId of await this.intents.list()) {
      if (this.stopping) break;
      const intent = await this.read(uploadId);
      // One that wants to be registered is left for a time when there is an Admin module again.
      if (!intent || !this.isPossible(intent) || !(await this.imported(intent))) continue;
      await this.intents.remove(uploadId);
      imported += 1;
    }
    return imported;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await this.importing;
  }

  private async noteSafely(intent: Intent): Promise<void> {
    const { uploadId, kinds } = intent;
    if (!this.database.opened) {
      await this.writeIntent(intent);
      // Copies are in nobody's way: no database is made for them before the upkeep looks.
      if (kinds.length > 0 || this.database.isUsed()) this.importSoon();
      return;
    }
    try {
      await this.stored.write(intent);
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'UPLOAD_IN_PROGRESS') throw error;
      // Also where it is not known whether it is written down: to write it down twice does no harm.
      this.logger.warn(
        { err: error, upload_id: uploadId },
        'what is left to be done is noted in the spool for now',
      );
      await this.writeIntent(intent);
    }
  }

  /** Beside what the same upload has noted before, as where it was repeated. */
  private async writeIntent(intent: Intent): Promise<void> {
    const { uploadId } = intent;
    const before = await this.read(uploadId).catch(() => undefined);
    const copies = mergedCopies(intent, before);
    const kinds = [...new Set([...(before?.kinds ?? []), ...intent.kinds])];
    await this.intents.write(uploadId, intentOf({ ...intent, copies, kinds }));
  }

  /** As soon as the database is open; where that does not succeed now, the upkeep does it. */
  private importSoon(): void {
    this.noted = true;
    this.importing ??= this.importNoted()
      .catch((error: unknown) => this.logger.warn({ err: error }, 'what was noted stays in the spool'))
      .finally(() => {
        this.importing = undefined;
      });
  }

  private async importNoted(): Promise<void> {
    await this.database.open();
    while (this.noted && !this.stopping) {
      this.noted = false;
      await this.importIntents();
    }
  }

  private isPossible({ kinds }: Intent): boolean {
    return kinds.every((kind) => this.tasks.following.includes(kind));
  }

  private async imported(intent: Intent): Promise<boolean> {
    try {
      await this.stored.write(intent, true);
      return true;
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      // One that the database does not take is no reason to keep the others waiting.
      const { uploadId } = intent;
      this.logger.error({ err: error, upload_id: uploadId }, 'what was noted is not taken');
      return false;
    }
  }

  /** Undefined where there is nothing to read any more, or nothing readable. */
  private async read(uploadId: string): Promise<Intent | undefined> {
    try {
      const intent = await this.intents.read(uploadId);
      if (intent === undefined) return undefined;
      const { data, error } = intentSchema.safeParse(intent);
      if (data?.uploadId === uploadId) return data;
      throw new SpoolDamaged('An intent does not say what is to be done.', error);
    } catch (error) {
      if (!(error instanceof SpoolDamaged)) throw error;
      this.logger.error({ err: error, upload_id: uploadId }, 'what was noted is damaged');
      return undefined;
    }
  }
}

/** Where else than at `intent.stored` the file may be, with what was noted before. */
function mergedCopies(intent: Intent, before: Intent | undefined): NewPlacement[] {
  const former = before && { target: before.stored.target, unverified: false, answered: true };
  const merged = new Map<string, NewPlacement>();
  for (const copy of [...(former ? [former] : []), ...(before?.copies ?? []), ...intent.copies]) {
    const { target, unverified, answered } = merged.get(copy.target) ?? copy;
    merged.set(target, {
      target,
      unverified: unverified || copy.unverified,
      answered: answered && copy.answered,
    });
  }
  merged.delete(intent.stored.target);
  return [...merged.values()];
}
