import { ServiceError } from '../errors/service-error.js';
import { classifyFailure, STORAGE_CODES } from '../resilience/classify-failure.js';
import { isFinalAnswer } from '../resilience/final-answer.js';
import type { AttemptWatcher } from '../storage/storage-gateway.service.js';
import type { IncomingFile } from './incoming-file.js';

/**
 * Remembers which storage elements may have a file although storing it failed, so that they are asked before it is
 * sent again. The end of a file is held back until all of it has come: an attempt that failed before cannot have
 * left one.
 */
export class DoubtfulTargets implements AttemptWatcher {
  readonly #targets = new Set<string>();
  readonly #unsettled = new Set<string>();

  constructor(private readonly file: Pick<IncomingFile, 'complete'>) {}

  get names(): readonly string[] {
    return [...this.#targets];
  }

  /** Those of them that may have, or may come to have, what they did not have when they were asked, if they could be. */
  get unsettled(): readonly string[] {
    return [...this.#unsettled];
  }

  begins(): Promise<void> {
    return Promise.resolve();
  }

  failed(target: string, error: unknown): void {
    if (!this.file.complete || !(wasCutOff(error) || mayHaveSucceeded(error))) return;
    this.#targets.add(target);
    if (!isFinalAnswer(error)) this.#unsettled.add(target);
  }
}

/** One that asked for rest is done with the file, and was asked what it has: no doubt is to hold the next try up. */
function mayHaveSucceeded(error: unknown): boolean {
  const { mayHaveSucceeded: may = false, busy = false } = classifyFailure(error, STORAGE_CODES);
  return may && !busy;
}

/** By ourselves, whatever the element was doing just then. */
function wasCutOff(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'DEADLINE_EXCEEDED';
}
