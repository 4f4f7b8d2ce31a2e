import type { Clock } from '../../timing/clock.js';
import type { AttemptEnd } from '../ledger/attempt-rows.js';
import type { ClaimedRow } from '../ledger/task-claims.js';
import type { UploadCheckpoint } from '../../storage/storage-element.js';
import type { Placement } from '../placement.js';
import type { UploadRecord } from '../upload-record.js';
import { Lease } from './lease.js';
import { PossibleLocations } from './possible-locations.js';
import { checkpointFrom, checkpointText, type SavedCheckpoint } from './saved-checkpoint.js';
import { LeaseLost } from './stop-reasons.js';

/** A task that was claimed, with what it is about. */
export interface ClaimedTask {
  readonly task: ClaimedRow;
  readonly upload: UploadRecord;
  readonly placements: readonly Placement[];
  readonly holder: string;
  /** When it was claimed, on the monotonic clock. */
  readonly claimedMs: number;
}

/** What is written down of a task before the work goes on. */
export interface TaskCheckpoints {
  readonly leaseMs: number;
  /** Gives the id of the attempt. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  beginAttempt(held: HeldTask, attempt: AttemptStart): Promise<number | undefined>;
  /** Writes down how far the upload is; null where there is nothing to go on with. @throws as `beginAttempt` */
  saveCheckpoint(held: HeldTask, checkpoint: string | null): Promise<void>;
}

export interface AttemptStart {
  readonly target: string;
  /** Is it the file that is sent, so that it may be there from now on? */
  readonly sends: boolean;
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
  readonly locations: PossibleLocations;
  /** Says how many bytes the target of the attempt under way has taken. */
  bytesTaken: () => number = () => 0;
  /** Those that could do the work, once they were looked for. */
  candidates: readonly string[] = [];
  /** Where the file is being sent. */
  #sendingTo = '';
  #awaitsAnswer = false;
  #attemptId: number | undefined;
  #hasTried = false;
  #ends: AttemptEnd[] = [];
  #checkpoint: SavedCheckpoint | undefined;

  constructor(
    readonly claimed: ClaimedTask,
    private readonly ledger: TaskCheckpoints,
    private readonly clock: Clock,
  ) {
    const { task, placements, claimedMs } = claimed;
    this.locations = new PossibleLocations(placements, task.now);
    this.#checkpoint = checkpointFrom(task.checkpoint);
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

  /** Was an attempt begun since the task was claimed? */
  get hasTried(): boolean {
    return this.#hasTried;
  }

  /** Attempts that have ended and are not written down yet. */
  get ends(): readonly AttemptEnd[] {
    return this.#ends;
  }

  /** @throws LeaseLost */
  requireHeld(): void {
    this.signal.throwIfAborted();
    if (!this.lease.isHeld) throw new LeaseLost();
  }

  /** Writes down that the work at `target` begins. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  beginAttempt(target: string): Promise<void> {
    return this.#begin({ target, sends: false });
  }

  /** The same, where the file is sent: it may be there from now on. */
  beginSending(target: string): Promise<void> {
    this.#sendingTo = target;
    this.locations.beginSending(target);
    return this.#begin({ target, sends: true });
  }

  /** The upload that was begun and not finished. */
  get checkpoint(): SavedCheckpoint | undefined {
    return this.#checkpoint;
  }

  /** What is known of an upload to `target` that goes on. `onReplaced` gets the one to another target that it takes the place of. */
  checkpointAt(target: string, onReplaced: (former: SavedCheckpoint) => void): UploadCheckpoint {
    return {
      load: () => (this.#checkpoint?.target === target ? this.#checkpoint.state : undefined),
      save: async (state) => {
        const former = this.#checkpoint;
        this.#checkpoint = state === undefined ? undefined : { target, state };
        await this.ledger.saveCheckpoint(this, checkpointText(this.#checkpoint));
        if (former && former.target !== target) onReplaced(former);
      },
    };
  }

  /** The target of the attempt under way has all of the file: only its answer says what became of it. */
  handedOver(): void {
    this.locations.handedOver(this.#sendingTo, this.nowMs);
    this.#awaitsAnswer = true;
  }

  /** Remembers how the attempt under way ended; it is written down with what comes next. */
  endAttempt(result: AttemptResult): void {
    this.#awaitsAnswer = false;
    if (this.#attemptId === undefined) return;
    this.#ends.push({ id: this.#attemptId, ...result });
    this.#attemptId = undefined;
  }

  async #begin(start: AttemptStart): Promise<void> {
    this.requireHeld();
    const writtenEnds = this.#ends.length;
    this.#attemptId = await this.ledger.beginAttempt(this, start);
    this.#hasTried = true;
    this.#ends = this.#ends.slice(writtenEnds);
  }
}
