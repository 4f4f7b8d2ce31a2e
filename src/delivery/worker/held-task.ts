import type { Clock } from '../../resilience/clock.js';
import type { Database, Sql } from '../database/sql.js';
import {
  type AttemptEnd,
  beginAttempt,
  endAttempts,
  extendLease,
  type Held,
  savePhase,
} from '../ledger/task-checkpoints.js';
import type { LeaseTerms, TaskPhase, TaskRow } from '../ledger/task-rows.js';
import { changeUpload } from '../ledger/upload-rows.js';
import type { LeasedJob } from '../queue/leased-job.js';
import type { UploadRecord } from '../upload-record.js';
import { Lease } from './lease.js';
import { LeaseLost } from './stop-reasons.js';

/** A task that was claimed, with what it is about. */
export interface ClaimedTask {
  readonly job: LeasedJob;
  readonly task: TaskRow;
  readonly upload: UploadRecord;
  readonly holder: string;
  /** When it was claimed, on the monotonic clock. */
  readonly claimedMs: number;
}

export interface HeldTaskTools {
  readonly database: Database;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Extends the lease of the job as well; false where that is lost. */
  readonly renewJob: (job: LeasedJob) => Promise<boolean>;
}

/** How one attempt ended, without what is known of it already. */
export type AttemptResult = Omit<AttemptEnd, 'id' | 'endedAt'>;

/** The job is renewed with every so many-th part of its lease. */
const JOB_RENEWALS = 3;

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
  #handedOverAt: Date | null;
  #awaitsAnswer = false;
  #attemptId: number | undefined;
  #hasTried = false;
  #ends: AttemptEnd[] = [];
  #jobRenewedMs: number;

  constructor(
    readonly claimed: ClaimedTask,
    private readonly tools: HeldTaskTools,
  ) {
    this.doubtfulTargets = new Set(claimed.task.doubtful_targets);
    this.#handedOverAt = claimed.task.handed_over_at;
    this.unaskedTargets = new Set(claimed.task.unasked_targets);
    this.#jobRenewedMs = claimed.claimedMs;
    this.lease = new Lease({
      leaseMs: tools.leaseMs,
      clock: tools.clock,
      heldSinceMs: claimed.claimedMs,
      cancelling: claimed.task.cancel_requested_at !== null,
      tooLate: () => this.#awaitsAnswer,
      renew: () => this.#renew(),
    });
  }

  get signal(): AbortSignal {
    return this.lease.signal;
  }

  /** When a target in doubt had the last byte, at the latest; null where that is not known. */
  get handedOverAt(): Date | null {
    return this.#handedOverAt;
  }

  /** Was an attempt begun since the task was claimed? */
  get hasTried(): boolean {
    return this.#hasTried;
  }

  /** @throws LeaseLost */
  requireHeld(): void {
    this.signal.throwIfAborted();
    if (!this.lease.isHeld) throw new LeaseLost();
  }

  /** Tells those who watch the upload that its delivery has begun. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  async markDelivering(): Promise<void> {
    const { uploadId, status } = this.claimed.upload;
    if (status !== 'accepted' || this.claimed.task.cancel_requested_at) return;
    await this.#write((taskId, terms) =>
      this.tools.database.transaction(async (tx) => {
        // Holds the row, so that nobody else can have finished the upload meanwhile.
        const held = await extendLease(tx, taskId, terms, 0);
        if (held) await changeUpload(tx, uploadId, { status: 'delivering', at: terms.at });
        return held;
      }),
    );
  }

  /** Writes down what the work is at. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  async savePhase(phase: TaskPhase): Promise<void> {
    const doubtfulTargets = [...this.doubtfulTargets];
    const unaskedTargets = [...this.unaskedTargets];
    await this.#write((taskId, terms) =>
      savePhase(this.tools.database, taskId, terms, { phase, doubtfulTargets, unaskedTargets }),
    );
  }

  /** Writes down that the file may be at `target` from now on. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  async beginAttempt(target: string): Promise<void> {
    await this.writeEnds(this.tools.database);
    this.doubtfulTargets.add(target);
    const attempt = {
      target,
      doubtfulTargets: [...this.doubtfulTargets],
      number: this.claimed.task.attempts + 1,
    };
    await this.#write(async (taskId, terms) => {
      const held = await beginAttempt(this.tools.database, taskId, terms, attempt);
      this.#attemptId = held?.attempt_id;
      this.#hasTried = true;
      return held;
    });
  }

  /** The target of the attempt under way has all of the file: only its answer says what became of it. */
  handedOver(): void {
    this.#handedOverAt = new Date(this.tools.clock.wallMs());
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
    const endedAt = new Date(this.tools.clock.wallMs());
    this.#ends.push({ id: this.#attemptId, endedAt, ...result });
    this.#attemptId = undefined;
  }

  async writeEnds(sql: Sql): Promise<void> {
    await endAttempts(sql, this.#ends);
    this.#ends = [];
  }

  async #write(statement: (taskId: string, terms: LeaseTerms) => Promise<Held | undefined>): Promise<void> {
    this.requireHeld();
    const sinceMs = this.tools.clock.monotonicMs();
    this.lease.extended(await statement(this.claimed.task.task_id, this.#terms()), sinceMs);
  }

  async #renew(): Promise<Held | undefined> {
    const { database, clock, leaseMs, renewJob } = this.tools;
    const { task, job } = this.claimed;
    const sinceMs = clock.monotonicMs();
    if (sinceMs - this.#jobRenewedMs >= leaseMs / JOB_RENEWALS) {
      if (!(await renewJob(job))) return undefined;
      this.#jobRenewedMs = sinceMs;
    }
    return extendLease(database, task.task_id, this.#terms(), this.bytesTaken());
  }

  #terms(): LeaseTerms {
    const { clock, leaseMs } = this.tools;
    return { holder: this.claimed.holder, leaseMs, at: new Date(clock.wallMs()) };
  }
}
