import type { Readable } from 'node:stream';
import type { ServiceError } from '../../errors/service-error.js';
import { storageTimeout } from './storage-failures.js';

export interface ElementPaceLimits {
  /** Slowest element that is borne with, in bytes a second; 0 means any. */
  readonly minBytesPerSecond: number;
  /** Time of holding us up over which its rate is measured, in milliseconds. */
  readonly rateWindowMs: number;
}

/** A body that goes out. */
type PacedBody = Pick<Readable, 'on' | 'off' | 'readableFlowing'>;

/** So often a window is looked at: an element that is too slow is found late by no more than such a part of it. */
const LOOKS_PER_WINDOW = 10;

/**
 * Measures how fast an element takes an upload. Its clock runs only while the element holds us up, which is while
 * undici has paused the body: then there are bytes that the element did not take. While the body flows it has nothing
 * to give, so that a slow client never counts, also at an element that could be no faster. The first window is kind:
 * what the system buffers counts as taken.
 */
export class ElementPace {
  readonly #timer: NodeJS.Timeout | undefined;
  /** Within this window. */
  #heldMs = 0;
  #heldSinceMs: number | undefined;
  /** Bytes that were taken before this window. */
  #bytesBefore = 0;

  constructor(
    private readonly body: PacedBody,
    /** Bytes that were read of the file. */
    private readonly bytesTaken: () => number,
    private readonly limits: ElementPaceLimits,
    private readonly onTooSlow: (error: ServiceError) => void,
  ) {
    if (limits.minBytesPerSecond === 0) return;
    body.on('pause', this.#onPause).on('resume', this.#onResume);
    const everyMs = Math.ceil(limits.rateWindowMs / LOOKS_PER_WINDOW);
    this.#timer = setInterval(() => this.#look(performance.now()), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.body.off('pause', this.#onPause).off('resume', this.#onResume);
  }

  readonly #onPause = (): void => {
    this.#heldSinceMs ??= performance.now();
  };

  /** Comes a tick late: a chunk may have gone out meanwhile, and the body be paused again. */
  readonly #onResume = (): void => {
    this.#count(performance.now());
    if (this.body.readableFlowing === true) this.#heldSinceMs = undefined;
  };

  #count(nowMs: number): void {
    if (this.#heldSinceMs === undefined) return;
    this.#heldMs += nowMs - this.#heldSinceMs;
    this.#heldSinceMs = nowMs;
  }

  #look(nowMs: number): void {
    this.#count(nowMs);
    if (this.#heldMs < this.limits.rateWindowMs) return;
    const bytesTaken = this.bytesTaken();
    const taken = bytesTaken - this.#bytesBefore;
    const wanted = (this.limits.minBytesPerSecond * this.#heldMs) / 1_000;
    this.#heldMs = 0;
    this.#bytesBefore = bytesTaken;
    if (taken < wanted)
      this.onTooSlow(storageTimeout('The storage element takes the file too slowly.', 'stall'));
  }
}
