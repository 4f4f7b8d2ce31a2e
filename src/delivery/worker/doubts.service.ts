import { Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import type { PlacedFile } from '../../storage/storage-gateway.service.js';
import { StorageGateway } from '../../storage/storage-gateway.service.js';
import type { StoredFile } from '../../storage/storage-element.js';
import type { UploadRecord } from '../upload-record.js';

/** What the elements say that may have a file. */
export interface DoubtAnswers {
  /** Where it is. */
  readonly found: readonly PlacedFile[];
  /** Those that have other bytes under its id. */
  readonly conflicts: readonly string[];
  /** Those that could not be asked. */
  readonly silent: readonly string[];
  /** When they may be asked again, in milliseconds, where that is known. */
  readonly retryAfterMs?: number;
}

type Answer = { readonly target: string; readonly stored?: StoredFile } | { readonly error: unknown };

/** Asks, before a file is sent again, those elements whose answer was lost. */
@Injectable()
export class Doubts {
  private readonly logger = new Logger(Doubts.name);

  constructor(private readonly storage: StorageGateway) {}

  /**
   * Asks all of `targets`; `isThat` says of what one has whether it is the file. Never fails: one that cannot be asked is
   * said to be silent.
   */
  async ask(
    upload: UploadRecord,
    targets: readonly string[],
    signal: AbortSignal,
    isThat: (stored: StoredFile, upload: UploadRecord) => boolean = isSentFile,
  ): Promise<DoubtAnswers> {
    const found: PlacedFile[] = [];
    const conflicts: string[] = [];
    const silent: string[] = [];
    const waits: number[] = [];
    await Promise.all(
      targets.map(async (target) => {
        const answer = await this.askOne(target, upload.uploadId, signal);
        if ('error' in answer) {
          silent.push(target);
          waits.push(waitOf(answer.error));
        } else if (answer.stored) {
          if (isThat(answer.stored, upload)) found.push({ target, file: answer.stored });
          else conflicts.push(target);
        }
      }),
    );
    const longest = Math.max(...waits);
    return { found, conflicts, silent, ...(Number.isFinite(longest) && { retryAfterMs: longest }) };
  }

  /** Removes a file again that nobody wants there. False where the element does not let us, or cannot be reached. */
  async withdraw({ target, file: { fileId } }: PlacedFile, signal: AbortSignal): Promise<boolean> {
    try {
      await this.storage.remove({ targets: [target], fileId, signal });
      return true;
    } catch (error) {
      this.logger.warn({ err: error, target, file_id: fileId }, 'a file that is not wanted stays behind');
      return false;
    }
  }

  private async askOne(target: string, fileId: string, signal: AbortSignal): Promise<Answer> {
    try {
      return { target, stored: await this.storage.stat({ targets: [target], fileId, signal }) };
    } catch (error) {
      this.logger.warn({ err: error, target, upload_id: fileId }, 'an element does not say what it has');
      return { error };
    }
  }
}

/** It lies under our id where we began to put it. One without a checksum is taken for it by its size. */
function isSentFile({ size, sha256 }: StoredFile, { digest }: UploadRecord): boolean {
  return size === digest.size && (sha256 === undefined || sha256 === digest.sha256);
}

function waitOf(error: unknown): number {
  return error instanceof ServiceError ? (error.options.retryAfterMs ?? 0) : 0;
}
