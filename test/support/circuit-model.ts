import type { CircuitSettings } from '../../src/outbound/circuit/circuit-settings.js';

export type ModelVerdict = 'success' | 'failure' | 'neutral';

/** What happened to a circuit, in the order in which it happened. Times are of the wall clock. */
export type CircuitEvent =
  | { readonly at: number; readonly type: 'ask'; readonly settleWithinMs: number }
  | {
      readonly at: number;
      readonly type: 'settle';
      readonly permit: number;
      readonly verdict: ModelVerdict;
    }
  | { readonly at: number; readonly type: 'pass over' }
  | { readonly at: number; readonly type: 'force'; readonly ttlMs: number | undefined }
  | { readonly at: number; readonly type: 'reset' }
  /** The next process begins at `upAt`. */
  | { readonly at: number; readonly type: 'restart'; readonly upAt: number };

/** A stretch of time in one state; a new object is a new generation. */
interface Period {
  readonly kind: 'closed' | 'open' | 'half_open';
  readonly openedAt?: number;
  readonly endsAt?: number;
  readonly isForced?: true;
}

interface Call {
  readonly period: Period;
  readonly deadline: number;
  result?: { readonly verdict: ModelVerdict; readonly at: number; readonly counts: boolean };
  /** The process that made it has ended. */
  lost?: true;
  /** The circuit was closed after it. */
  forgiven?: true;
}

/**
 * The rules of a circuit, told once more in the plainest way: nothing is counted along, everything is looked up in
 * the list of all calls there ever were. It shares no code with the breaker. Its recovery timeouts have no jitter.
 */
export class CircuitModel {
  private readonly answers: boolean[] = [];
  /** What the process that runs now has seen; the calls of former ones are only looked up for failures. */
  private seen: ('rejected' | ModelVerdict)[] = [];
  private inARow: ModelVerdict[] = [];
  private last: Partial<Record<ModelVerdict, number>> = {};
  private changes = 0;
  private openings = 0;
  private period: Period = { kind: 'closed' };
  private readonly calls: Call[] = [];
  /** Calls by the number of the question that they were the answer to. */
  private readonly admitted = new Map<number, Call>();

  constructor(private readonly settings: CircuitSettings) {}

  /** Replays the whole story up to `now`. */
  static replay(settings: CircuitSettings, events: readonly CircuitEvent[], now: number): CircuitModel {
    const model = new CircuitModel(settings);
    for (const event of events) {
      model.timePasses(event.at);
      model.happens(event);
    }
    model.timePasses(now);
    return model;
  }

  /** Was the last question answered with leave? */
  get lastAnswer(): boolean | undefined {
    return this.answers.at(-1);
  }

  /** Would the next one be? */
  get admits(): boolean {
    const { kind } = this.period;
    return kind === 'closed' || (kind === 'half_open' && this.placesTaken() < this.settings.successThreshold);
  }

  /** The members of the report that it can tell. */
  report(now: number): Record<string, unknown> {
    const { kind, openedAt, endsAt } = this.period;
    const ofPeriod = this.calls.filter((call) => call.period === this.period && call.result?.counts);
    return {
      state: kind,
      failure_count: Math.min(this.failures(now).length, this.settings.failureThreshold),
      success_count: ofPeriod.filter((call) => call.result?.verdict === 'success').length,
      opened_at: kind === 'closed' ? null : time(openedAt),
      retry_at: kind === 'open' ? time(endsAt) : null,
      last_failure_time: time(this.last.failure),
      last_success_time: time(this.last.success),
      consecutive_failures: lengthOfEnd(this.inARow, 'failure'),
      consecutive_successes: lengthOfEnd(this.inARow, 'success'),
      state_changes: this.changes,
      rejected_count: this.seen.filter((what) => what === 'rejected').length,
      neutral_count: this.seen.filter((what) => what === 'neutral').length,
    };
  }

  totals(): Record<string, number> {
    const count = (what: string): number => this.seen.filter((seen) => seen === what).length;
    return { success: count('success'), failure: count('failure'), neutral: count('neutral') };
  }

  private happens(event: CircuitEvent): void {
    switch (event.type) {
      case 'ask':
        return this.ask(event.at + event.settleWithinMs);
      case 'pass over':
        if (!this.admits) this.seen.push('rejected');
        return;
      case 'settle': {
        const call = this.admitted.get(event.permit);
        return call && this.settle(call, event.verdict, event.at);
      }
      case 'force':
        return this.enter({
          kind: 'open',
          openedAt: event.at,
          isForced: true,
          ...(event.ttlMs !== undefined && { endsAt: event.at + event.ttlMs }),
        });
      case 'reset':
        this.inARow = [];
        return this.close(event.at);
      case 'restart':
        return this.restart(event.upAt);
    }
  }

  /** What is due until `now` happens in the order in which it is due. */
  private timePasses(now: number): void {
    const overdue = this.calls
      .filter((call) => !call.result && !call.lost && call.deadline <= now)
      .toSorted((a, b) => a.deadline - b.deadline);
    for (const call of overdue) {
      this.recoverBy(call.deadline);
      this.settle(call, 'failure', call.deadline);
    }
    this.recoverBy(now);
  }

  private recoverBy(now: number): void {
    const { kind, openedAt, endsAt } = this.period;
    if (kind === 'open' && endsAt !== undefined && endsAt <= now)
      this.enter({ kind: 'half_open', ...(openedAt !== undefined && { openedAt }) });
  }

  private ask(deadline: number): void {
    const admits = this.admits;
    this.answers.push(admits);
    if (!admits) {
      this.seen.push('rejected');
      return;
    }
    const call: Call = { period: this.period, deadline };
    this.calls.push(call);
    this.admitted.set(this.answers.length - 1, call);
  }

  private settle(call: Call, verdict: ModelVerdict, at: number): void {
    if (call.result || call.lost) return;
    const period = this.period;
    call.result = { verdict, at, counts: call.period === period };
    this.seen.push(verdict);
    if (verdict !== 'neutral') {
      this.inARow.push(verdict);
      this.last[verdict] = at;
    }
    if (call.period !== period) return;
    if (verdict === 'failure' && (period.kind === 'half_open' || this.isTooMuch(at))) this.open(at);
    else if (period.kind === 'half_open' && this.succeeded() >= this.settings.successThreshold)
      this.close(at);
  }

  private isTooMuch(now: number): boolean {
    return this.failures(now).length >= this.settings.failureThreshold;
  }

  private failures(now: number): Call[] {
    const from = now - this.settings.failureWindowMs;
    return this.calls.filter(
      ({ result, forgiven }) =>
        result?.verdict === 'failure' && result.counts && result.at >= from && !forgiven,
    );
  }

  private succeeded(): number {
    return this.calls.filter(({ period, result }) => period === this.period && result?.verdict === 'success')
      .length;
  }

  private placesTaken(): number {
    return this.calls.filter(({ period, result }) => period === this.period && result?.verdict !== 'neutral')
      .length;
  }

  private open(at: number): void {
    this.openings += 1;
    let openMs = this.settings.recoveryTimeoutMs;
    for (let more = 1; more < this.openings; more += 1) openMs *= 2;
    this.enter({
      kind: 'open',
      openedAt: at,
      endsAt: at + Math.min(openMs, this.settings.maxRecoveryTimeoutMs),
    });
  }

  private close(at: number): void {
    this.openings = 0;
    for (const call of this.failures(at)) call.forgiven = true;
    this.enter({ kind: 'closed' });
  }

  private enter(period: Period): void {
    this.changes += 1;
    this.period = period;
  }

  /** What calls have done to it ends with the process, and what was ordered by hand does not. */
  private restart(upAt: number): void {
    for (const call of this.calls) {
      if (call.result) call.forgiven = true;
      else call.lost = true;
    }
    this.seen = [];
    this.inARow = [];
    this.last = {};
    this.openings = 0;
    const { isForced, endsAt = Infinity } = this.period;
    // The order of an operator holds for the next process as well, unless its time is over.
    const holds = isForced && endsAt > upAt;
    this.changes = holds ? 1 : 0;
    this.period = holds ? { ...this.period } : { kind: 'closed' };
  }
}

function lengthOfEnd(results: readonly ModelVerdict[], verdict: ModelVerdict): number {
  const other = results.findLastIndex((result) => result !== verdict);
  return results.length - 1 - other;
}

function time(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
