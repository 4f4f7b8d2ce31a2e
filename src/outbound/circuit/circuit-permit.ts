import type { CircuitStateName } from './circuit-state.js';
import type { Verdict } from '../outcome.js';

/** Leave to make one call. Exactly one of the three counts; what comes after the first is ignored. */
export interface Permit {
  readonly admitted: true;
  success(): void;
  /** `code` says what it was, for reports. */
  failure(code?: string): void;
  /** The call said nothing about the target: neutral. Gives a place of a half-open circuit back. */
  release(): void;
}

/** An expected "no": the call is not to be made. */
export interface Rejection {
  readonly admitted: false;
  readonly state: Exclude<CircuitStateName, 'closed'>;
  /** Milliseconds, at least 1, after which asking again makes sense. */
  readonly retryAfterMs: number;
}

/** A permit as the breaker knows it. */
export class CircuitPermit implements Permit {
  readonly admitted = true;

  constructor(
    /** A result counts for the state only while the breaker is of the same generation. */
    readonly generation: number,
    /** On the monotonic clock. */
    readonly deadlineMs: number,
    private readonly settle: (permit: CircuitPermit, verdict: Verdict, code?: string) => void,
  ) {}

  success(): void {
    this.settle(this, 'success');
  }

  failure(code?: string): void {
    this.settle(this, 'failure', code);
  }

  release(): void {
    this.settle(this, 'neutral');
  }
}

const NONE: readonly CircuitPermit[] = [];

/** The permits that are not settled, and those of them that are overdue. It needs no timer: it is asked. */
export class OutstandingPermits {
  readonly #permits = new Set<CircuitPermit>();
  /** No permit is due before this. It may be too early, as the deadline of a settled permit stays in it. */
  #earliestMs = Infinity;

  get size(): number {
    return this.#permits.size;
  }

  add(permit: CircuitPermit): void {
    this.#permits.add(permit);
    this.#earliestMs = Math.min(this.#earliestMs, permit.deadlineMs);
  }

  /** Says whether the permit was still outstanding. */
  remove(permit: CircuitPermit): boolean {
    return this.#permits.delete(permit);
  }

  /** Takes out the permits whose deadline has come, the earliest first. */
  takeDue(nowMs: number): readonly CircuitPermit[] {
    if (nowMs < this.#earliestMs) return NONE;
    const due: CircuitPermit[] = [];
    this.#earliestMs = Infinity;
    for (const permit of this.#permits) {
      if (permit.deadlineMs <= nowMs) due.push(permit);
      else this.#earliestMs = Math.min(this.#earliestMs, permit.deadlineMs);
    }
    for (const permit of due) this.#permits.delete(permit);
    return due.toSorted((a, b) => a.deadlineMs - b.deadlineMs);
  }
}
