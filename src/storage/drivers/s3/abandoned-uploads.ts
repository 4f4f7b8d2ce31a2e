import { setTimeout } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { type S3Bucket, whoseFile } from './s3-bucket.js';
import { storageFailed } from '../storage-failures.js';
import type { BegunMultipart } from './s3-multiparts.js';

/** Parts that were under way may land after an upload was aborted: it is aborted until the store knows it no more. */
const ROUNDS = 5;
const ROUND_MS = 200;

/** What is left of an attempt to store a file in parts. */
export interface Abandoned {
  readonly id: string;
  readonly attempt: string;
  readonly begun?: BegunMultipart;
  readonly hasCompanion: boolean;
}

/** Of this the file may have been made, of so many bytes where those are known. */
export interface PerhapsMade extends Abandoned {
  readonly size?: number;
}

/** Removes what failed attempts have left in the bucket, beside whatever else goes on. */
export class AbandonedUploads {
  private readonly logger = new Logger(AbandonedUploads.name);
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    private readonly elementId: string,
    private readonly bucket: S3Bucket,
    /** Ends it, when the element is closed. */
    private readonly signal: AbortSignal,
  ) {}

  /** Begins to remove it; what cannot be removed the sweep finds later. */
  remove(abandoned: Abandoned): void {
    this.#track(abandoned, this.discard(abandoned));
  }

  /** The same of an upload whose file may have been made, and nobody waits to hear of it. */
  removeUnlessMade(abandoned: PerhapsMade): void {
    this.#track(abandoned, this.wasMade(abandoned));
  }

  /**
   * Removes it. The companion goes first: as long as there is one without a file, its upload is found.
   * @throws STORAGE_FAILED, STORAGE_TIMEOUT
   */
  async discard({ id, attempt, begun, hasCompanion }: Abandoned): Promise<void> {
    const { objects, keys } = this.bucket;
    if (hasCompanion) await objects.remove(keys.companion(id, attempt), this.signal);
    if (begun) await abortUntilGone(this.bucket, begun, this.signal);
  }

  /**
   * Has the order to make a file been carried out, whose answer was lost? Asked once its upload is aborted: from then on it cannot
   * be made any more. Removes what is left where it has not.
   * @throws STORAGE_FAILED, STORAGE_TIMEOUT
   */
  async wasMade(abandoned: PerhapsMade): Promise<boolean> {
    const { id, attempt, begun, size } = abandoned;
    if (begun) await abortUntilGone(this.bucket, begun, this.signal);
    const isMade = (await whoseFile(this.bucket, id, { attempt, size }, this.signal)) === 'ours';
    if (!isMade) await this.discard({ ...abandoned, begun: undefined });
    return isMade;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #track({ id }: Abandoned, work: Promise<unknown>): void {
    const removal = work
      .then(() => undefined)
      .catch((error: unknown) => {
        this.logger.warn(
          `Storage element ${this.elementId}: what is left of an upload of ${id} stays for now: ${String(error)}`,
        );
      })
      .finally(() => this.#underWay.delete(removal));
    this.#underWay.add(removal);
  }
}

/** @throws STORAGE_FAILED, STORAGE_TIMEOUT */
export async function abortUntilGone(
  { multiparts }: S3Bucket,
  begun: BegunMultipart,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 1; round <= ROUNDS; round += 1) {
    await multiparts.abort(begun, signal);
    if ((await multiparts.parts(begun, signal)) === undefined) return;
    await setTimeout(ROUND_MS * round, undefined, { signal, ref: false });
  }
  throw storageFailed('The storage element still has parts of an upload that was aborted.');
}
