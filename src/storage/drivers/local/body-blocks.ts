import { finished, type Readable } from 'node:stream';
import { bodyFailure } from '../body-failures.js';

/** Bytes gathered for one write: measured 1.5 times as fast as the default of 64 KiB; more gains nothing. */
const BLOCK_BYTES = 256 * 1024;

/**
 * The chunks of a body, gathered while those before are being written. Neither `pipe` nor `for await`: a body belongs to its
 * owner, and is never destroyed here.
 */
export class BodyBlocks {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  #changed: (() => void) | undefined;
  readonly #stopWatching: () => void;

  constructor(
    private readonly stream: Readable,
    private readonly signal: AbortSignal,
  ) {
    this.#stopWatching = finished(stream, { writable: false }, (error) => {
      if (error) this.#fail(bodyFailure(error));
      this.#ended = true;
      this.#changed?.();
    });
    if (signal.aborted) this.#onAbort();
    signal.addEventListener('abort', this.#onAbort);
    stream.on('data', this.#onData).resume();
  }

  /**
   * What has come since the last call, as soon as there is anything; nothing at the end of the body.
   * @throws the failure of the body, or the reason of the signal
   */
  async next(): Promise<readonly Buffer[]> {
    while (this.#bytes === 0 && !this.#ended && !this.#failure) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    if (this.#failure) throw this.#failure.reason;
    const chunks = this.#chunks;
    if (this.#bytes >= BLOCK_BYTES) this.stream.resume();
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }

  /** Lets go of the body: one that has not ended is paused. */
  release(): void {
    this.#stopWatching();
    this.signal.removeEventListener('abort', this.#onAbort);
    this.stream.off('data', this.#onData);
    if (!this.#ended) this.stream.pause();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= BLOCK_BYTES) this.stream.pause();
    this.#changed?.();
  };

  readonly #onAbort = (): void => {
    this.#fail(this.signal.reason);
    this.#changed?.();
  };

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
  }
}
