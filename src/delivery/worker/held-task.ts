import type { Clock } from '../../resilience/clock.js';
import type { AttemptEnd } from '../ledger/attempt-rows.js';
import type { Placements } from '../ledger/placement-rows.js';
import type { ClaimedRow } from '../ledger/task-claims.js';
import type { TaskPhase } from '../ledger/task-rows.js';
import type { UploadRecord } from '../upload-record.js';
import { Lease } from './lease.js';
import { LeaseLost } from './stop-reasons.js';

/** A task that was claimed, with what it is about. */
export interface ClaimedTask {
  readonly task: ClaimedRow;
  readonly upload: UploadRecord;
  readonly placements: Placements;
  readonly holder: string;
  /** When it was claimed, on the monotonic clock. */
  readonly claimedMs: number;
}

/** What is written down of a task before the work goes on. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
export interface TaskCheckpoints {
  readonly leaseMs: number;
  savePhase(held: HeldTask, phase: TaskPhase): Promise<void>;
  /** Gives the id of the attempt. */
  beginAttempt(held: HeldTask, target: string): Promise<number | undefined>;
}

/** How one attempt ended, without what is known of it already. */
export type AttemptResult = Omit<AttemptEnd, 'id'>;

/**
 * A task while this process works on it: writes down how far the work is, before it goes on, so that another process
 * can go on from there; and stops the work when the task is not ours any more.
 */
export class HeldTask {
  readonly lease: Lease;
  /** Where the file may be, although no answer said so. */
  readonly doubtfulTargets: Set<string>;
  /** Where a file of this id may have been before the upload came in. */
  readonly unaskedTargets: Set<string>;
  /** Says how many bytes the target of the attempt under way has taken. */
  bytesTaken: () => number = () => 0;
  /** Those that could do the work, once they were looked for. */
  candidates: readonly string[] = [];
  #handedOverAt: number | null;
  #awaitsAnswer = false;
  #attemptId: number | undefined;
  #hasTried = false;
  #ends: AttemptEnd[] = [];

  constructor(
    readonly claimed: ClaimedTask,
    private readonly ledger: TaskCheckpoints,
    private readonly clock: Clock,
  ) {
    const { task, placements, claimedMs } = claimed;
    this.doubtfulTargets = new Set(placements.sent);
    this.unaskedTargets = new Set(placements.unverified);
    this.#handedOverAt = task.handed_over_at;
    this.lease = new Lease({
      leaseMs: ledger.leaseMs,
      clock,
      heldSinceMs: claimedMs,
      cancelling: task.cancel_requested_at !== null,
      tooLate: () => this.#awaitsAnswer,
    });
  }

  get signal(): AbortSignal {
    return this.lease.signal;
  }

  /** The time of the database, in milliseconds since 1970, as far as it has gone on since the claim. */
  get nowMs(): number {
    return Math.round(this.claimed.task.now + this.elapsedMs);
  }

  /** Time since the claim, in milliseconds. */
  get elapsedMs(): number {
    return this.clock.monotonicMs() - this.claimed.claimedMs;
  }

  /** When a target in doubt had the last byte, at the latest, by the clock of the database; null where that is not known. */
  get handedOverAt(): number | null {
    return this.#handedOverAt;
  }

  /** Was an attempt begun since the task was claimed? */
  get hasTried(): boolean {
    return this.#hasTried;
  }

  /** Attempts that have ended and are not written down yet. */
  get ends(): readonly AttemptEnd[] {
    return this.#ends;
  }

  /** Where the file may be by now. */
  get placements(): Placements {
    return { sent: [...this.doubtfulTargets], unverified: [...this.unaskedTargets] };
  }

  /** @throws LeaseLost */
  requireHeld(): void {
    this.signal.throwIfAborted();
    if (!this.lease.isHeld) throw new LeaseLost();
  }

  /** Writes down what the work is at. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  async savePhase(phase: TaskPhase): Promise<void> {
    this.requireHeld();
    await this.ledger.savePhase(this, phase);
  }

  /** Writes down that the work at `target` begins, and its file may be there from now on. @throws as `savePhase` */
  async beginAttempt(target: string): Promise<void> {
    this.requireHeld();
    this.doubtfulTargets.add(target);
    const writtenEnds = this.#ends.length;
    this.#attemptId = await this.ledger.beginAttempt(this, target);
    this.#hasTried = true;
    this.#ends = this.#ends.slice(writtenEnds);
  }

  /** The target of the attempt under way has all of the file: only its answer says what became of it. */
  handedOver(): void {
    this.#handedOverAt = this.nowMs;
    this.#awaitsAnswer = true;
  }

  /** The target of the attempt under way is done with the file, so that no time has to pass before it is asked. */
  answered(): void {
    if (this.doubtfulTargets.size === 1) this.#handedOverAt = null;
  }

  /** Remembers how the attempt under way ended; it is written down with what comes next. */
  endAttempt(result: AttemptResult): void {
    this.#awaitsAnswer = false;
    if (this.#attemptId === undefined) return;
    this.#ends.push({ id: this.#attemptId, ...result });
    this.#attemptId = undefined;
  }
}
