import { ServiceError } from '../errors/service-error.js';

/** A request that has an upload for itself. */
export interface Turn {
  /** Aborted when a newer request wants it, with UPLOAD_IN_PROGRESS. */
  readonly signal: AbortSignal;
  /** The next one may have it. Harmless when repeated. */
  release(): void;
}

const RETRY_AFTER_MS = 1_000;

/**
 * Lets one request at a time at an upload. A newer one ends those that bring bytes: a client that comes back does not know that
 * its old connection is only half gone, and must not wait for that.
 */
export class Turns {
  #tail: Promise<void> = Promise.resolve();
  #newest: AbortController | undefined;

  /** Is there nobody? */
  get areOver(): boolean {
    return this.#newest === undefined;
  }

  /** `bringsBytes`: one that brings bytes is ended by a newer one also while it waits. @throws UPLOAD_IN_PROGRESS */
  async take(bringsBytes: boolean): Promise<Turn> {
    this.#newest?.abort(isReplaced());
    const mine = new AbortController();
    this.#newest = mine;
    const before = this.#tail;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tail = promise;
    const release = (): void => {
      resolve();
      if (this.#newest === mine) this.#newest = undefined;
    };
    await before;
    const { signal } = mine;
    if (bringsBytes && signal.aborted) {
      release();
      throw isReplaced();
    }
    return { signal, release };
  }
}

function isReplaced(): ServiceError {
  return new ServiceError('UPLOAD_IN_PROGRESS', 'Another request goes on with this upload.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
