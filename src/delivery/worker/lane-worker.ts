import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '../database/queue-names.js';
import type { LeasedJob } from '../queue/leased-job.js';
import type { HeldTask } from './held-task.js';
import { placesFor } from './lane-places.js';

export interface LaneWorkerOptions {
  readonly lane: Lane;
  /** Tasks that are worked on at once. */
  readonly concurrency: number;
  readonly pollMs: number;
  /** Takes up to `limit` jobs that are due, and are of none of the groups `without`. */
  readonly take: (lane: Lane, limit: number, without: readonly string[]) => Promise<readonly LeasedJob[]>;
  /** Works on a job to its end, and never fails. */
  readonly run: (job: LeasedJob, onHeld: (held: HeldTask) => void) => Promise<void>;
  /** Hears why nothing could be taken. */
  readonly onFailure: (error: unknown) => void;
}

/** A queue that cannot be asked is not asked as often as one that is empty. */
const FAILED_POLL_MS = 1_000;

/** Takes the tasks of one lane as they become due, so many at a time and no more, until it is stopped. */
export class LaneWorker {
  readonly #options: LaneWorkerOptions;
  readonly #runs = new Set<Promise<void>>();
  readonly #held = new Set<HeldTask>();
  readonly #groups = new Map<string, number>();
  readonly #stop = new AbortController();
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
    this.#loop ??= this.#work();
    this.#wake.resolve();
  }

  /** Takes nothing more, and resolves when what is under way has ended. */
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
      const waitMs = await this.#takeSome();
      if (waitMs > 0) await this.#pause(waitMs);
    }
  }

  /** How long there is nothing to do, in milliseconds. */
  async #takeSome(): Promise<number> {
    const { lane, concurrency, pollMs, take, onFailure } = this.#options;
    const { limit, without } = placesFor(concurrency, this.#runs.size, this.#groups);
    if (limit === 0) return pollMs;
    try {
      const jobs = await take(lane, limit, without);
      for (const job of jobs) this.#begin(job);
      return jobs.length < limit ? pollMs : 0;
    } catch (error) {
      onFailure(error);
      return Math.max(pollMs, FAILED_POLL_MS);
    }
  }

  #begin(job: LeasedJob): void {
    let own: HeldTask | undefined;
    this.#count(job, 1);
    const run = this.#options
      .run(job, (held) => {
        own = held;
        this.#held.add(held);
        if (this.#abortedFor) held.lease.abort(this.#abortedFor);
      })
      .finally(() => {
        if (own) this.#held.delete(own);
        this.#runs.delete(run);
        this.#count(job, -1);
        this.#wake.resolve();
      });
    this.#runs.add(run);
  }

  #count({ group }: LeasedJob, change: 1 | -1): void {
    if (group !== undefined) this.#groups.set(group, (this.#groups.get(group) ?? 0) + change);
  }

  async #pause(ms: number): Promise<void> {
    const over = new AbortController();
    const timer = sleep(ms, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([timer, this.#wake.promise]);
    over.abort();
  }
}
