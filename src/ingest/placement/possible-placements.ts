import type { NewPlacement } from '../../delivery/placement.js';
import { ServiceError } from '../../errors/service-error.js';
import { classifyFailure, STORAGE_CODES } from '../../outbound/classify-failure.js';
import { isFinalAnswer } from '../../outbound/final-answer.js';
import type { AttemptWatcher } from '../../storage/storage-gateway.service.js';
import type { PlaceableBody } from '../file-to-place.js';
import type { UploadProgress } from '../upload-progress.js';

/**
 * Remembers which storage elements may have the file of an upload although storing it failed. The end of a file is held
 * back until all of it has come: an attempt that failed before cannot have left one.
 */
export class PossiblePlacements implements AttemptWatcher {
  readonly #sent = new Map<string, { readonly answered: boolean }>();

  /** `unverified` are those that could not be asked before whether they have a file of its id. */
  constructor(
    private readonly file: Pick<PlaceableBody, 'complete'>,
    private readonly unverified: readonly string[] = [],
    private readonly progress?: UploadProgress,
  ) {}

  get all(): readonly NewPlacement[] {
    return [...this.#sent].map(([target, { answered }]) => {
      return { target, unverified: this.unverified.includes(target), answered };
    });
  }

  begins(target: string): Promise<void> {
    this.progress?.sendsTo(target);
    return Promise.resolve();
  }

  /** What the element says that it has nothing of is not there, once it is done with it. */
  failed(target: string, error: unknown, isAbsent: boolean): void {
    if (!this.file.complete || !(wasCutOff(error) || mayHaveSucceeded(error))) return;
    const answered = isFinalAnswer(error);
    // What an attempt before may still bring about, the answer to this one does not rule out.
    const before = this.#sent.get(target)?.answered ?? true;
    if (!(answered && isAbsent)) this.#sent.set(target, { answered: answered && before });
  }
}

function mayHaveSucceeded(error: unknown): boolean {
  return classifyFailure(error, STORAGE_CODES).mayHaveSucceeded ?? false;
}

/** By ourselves, whatever the element was doing just then. */
function wasCutOff(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'DEADLINE_EXCEEDED';
}
