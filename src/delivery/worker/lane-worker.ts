import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimedTask, HeldTask } from './held-task.js';

export interface LaneWorkerOptions {
  readonly lane: string;
  /** Tasks that are worked on at once. */
  readonly concurrency: number;
  readonly pollMs: number;
  /** Claims up to `limit` tasks that are due. */
  readonly claim: (lane: string, limit: number) => Promise<readonly ClaimedTask[]>;
  /** Works on a task to its end, and never fails. */
  readonly run: (task: ClaimedTask, onHeld: (held: HeldTask) => void) => Promise<void>;
  /** Hears why nothing could be claimed. */
  readonly onFailure: (error: unknown) => void;
}

/** A database that cannot be asked is not asked as often as a lane that is empty. */
const FAILED_POLL_MS = 1_000;

/** How long free places wait for others, as long as they are fewer than half. */
const GATHER_MS = 50;

/** Claims the tasks of one lane as they become due, so many at a time and no more, until it is stopped. */
export class LaneWorker {
  readonly #options: LaneWorkerOptions;
  readonly #runs = new Set<Promise<void>>();
  readonly #held = new Set<HeldTask>();
  readonly #stop = new AbortController();
  /** As it was when the worker was made: the request that happens to wake it is not what it works for. */
  readonly #inOwnContext = AsyncLocalStorage.snapshot();
  /** Since when there is a free place for which nothing was claimed. */
  #freeSinceMs = Infinity;
  #wake = Promise.withResolvers<void>();
  #abortedFor: Error | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: LaneWorkerOptions) {
    this.#options = options;
  }

  /** Tasks that are being worked on. */
  get held(): ReadonlySet<HeldTask> {
    return this.#held;
  }

  /** Begins, or looks again at once. */
  wake(): void {
    this.#loop ??= this.#inOwnContext(() => this.#work());
    this.#wake.resolve();
  }

  /** Claims nothing more, and resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.resolve();
    await this.#loop;
    await Promise.all(this.#runs);
  }

  /** Stops what is under way, and what is still on its way to us once it is ours. */
  abort(reason: Error): void {
    this.#abortedFor = reason;
    for (const held of this.#held) held.lease.abort(reason);
  }

  async #work(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // Before the look, so that what comes during it is not overlooked.
      this.#wake = Promise.withResolvers();
      const waitMs = await this.#claimSome();
      if (waitMs > 0) await this.#pause(waitMs);
    }
  }

  /** How long there is nothing to do, in milliseconds. */
  async #claimSome(): Promise<number> {
    const { lane, concurrency, pollMs, claim, onFailure } = this.#options;
    const limit = concurrency - this.#runs.size;
    if (limit === 0) return pollMs;
    // A claim is a transaction, and those that end soon share the next one.
    const gatherMs = this.#freeSinceMs + GATHER_MS - performance.now();
    if (limit * 2 < concurrency && gatherMs > 0) return gatherMs;
    try {
      const claimed = await claim(lane, limit);
      for (const task of claimed) this.#begin(task);
      // Others may have ended meanwhile.
      this.#freeSinceMs = this.#runs.size < concurrency ? performance.now() : Infinity;
      return claimed.length < limit ? pollMs : 0;
    } catch (error) {
      onFailure(error);
      return Math.max(pollMs, FAILED_POLL_MS);
    }
  }

  #begin(task: ClaimedTask): void {
    let own: HeldTask | undefined;
    const run = this.#options
      .run(task, (held) => {
        own = held;
        this.#held.add(held);
        if (this.#abortedFor) held.lease.abort(this.#abortedFor);
      })
      .finally(() => {
        if (own) this.#held.delete(own);
        this.#runs.delete(run);
        this.#freeSinceMs = Math.min(this.#freeSinceMs, performance.now());
        this.#wake.resolve();
      });
    this.#runs.add(run);
  }

  async #pause(ms: number): Promise<void> {
    const over = new AbortController();
    const timer = sleep(ms, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([timer, this.#wake.promise]);
    over.abort();
  }
}
