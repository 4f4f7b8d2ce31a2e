import { Injectable } from '@nestjs/common';
import { Metrics } from '../../observability/metrics.service.js';
import { asError } from '../../errors/as-error.js';
import { ServiceError } from '../../errors/service-error.js';
import { classifyFailure } from '../classify-failure.js';
import type { FailureKind } from '../outcome.js';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundInterceptor, type Proceed } from './outbound-interceptor.js';
import { OutboundPolicies } from '../outbound-policies.service.js';
import type { OutboundPolicy } from '../outbound-policy.js';
import { planRetry, type RetryDecision, type StopReason } from '../retry/retry-plan.js';
import { sleep } from '../retry/sleep.js';
import { areShut, callableTargets, noTarget, preferredTo } from '../retry/target-choice.js';
import { takePlace, type TargetPlace } from '../retry/target-places.js';
import { timeoutPhaseOf } from '../timeout-phase.js';

/**
 * Timers count from the beginning of their turn of the event loop, so one fires early by what that turn took. A target
 * that asked for just the time that was waited is then still to be left alone, and would be passed over.
 */
const MAX_EARLY_MS = 50;

/** What the attempts of one call have taught. */
interface Attempts {
  readonly failures: FailureKind[];
  /** Targets that failed, and how at last; another try goes to one that has not, where there is one. */
  readonly failed: Map<string, FailureKind>;
  /** Targets whose circuit has counted that it turned the call away: once is enough. */
  readonly turnedAway: Set<string>;
}

/** Chooses the target of each attempt, one that has room for it, and makes attempts until one succeeds or none can help. */
@Injectable()
export class RetryInterceptor extends OutboundInterceptor {
  constructor(
    policies: OutboundPolicies,
    private readonly metrics: Metrics,
  ) {
    super(policies);
  }

  protected async around(call: OutboundCall, policy: OutboundPolicy, proceed: Proceed): Promise<unknown> {
    const attempts: Attempts = { failures: [], failed: new Map(), turnedAway: new Set() };
    for (;;) {
      const { target, release } = await this.choose(call, policy, attempts);
      call.target = target;
      call.failure = undefined;
      try {
        const result = await proceed();
        this.countSuccess(policy, target, attempts);
        return result;
      } catch (error) {
        release();
        await this.afterFailure(call, policy, attempts, error);
      } finally {
        release();
      }
    }
  }

  private async choose(call: OutboundCall, policy: OutboundPolicy, attempts: Attempts): Promise<TargetPlace> {
    const { failures, failed } = attempts;
    const callable = callableTargets(call.targets, policy);
    if (callable.length === 0) {
      countRejections(undefined, call, policy, attempts);
      throw noTarget(call.targets, policy);
    }
    const untried = callable.filter((name) => !failed.has(name));
    const place = await takePlace(
      untried.length > 0 ? untried : reachedFirst(callable, failed),
      call,
      policy,
    );
    countRejections(place.target, call, policy, attempts);
    if (failures.length > 0) this.metrics.outbound.retried(place.target);
    return place;
  }

  private countSuccess(policy: OutboundPolicy, target: string, attempts: Attempts): void {
    policy.targets.get(target)?.budget.succeeded();
    policy.targets.get(target)?.cooling.succeeded();
    if (!attempts.failed.has(target)) this.countFallback(attempts, 'success');
  }

  /** Nothing was suppressed where no attempt was left, or where the circuit, which counts for itself, takes none. */
  private countSuppressed(target: string, reason: StopReason): void {
    if (reason !== 'attempts' && reason !== 'shut') this.metrics.outbound.retrySuppressed(target, reason);
  }

  private countFallback({ failed }: Attempts, outcome: 'success' | 'failure'): void {
    const [first] = failed.keys();
    if (first !== undefined && (outcome === 'success' || failed.size > 1)) {
      this.metrics.outbound.fellBack(first, 'next_target', outcome);
    }
  }

  /** Returns when another attempt is to be made. @throws what the last one failed with when none is. */
  private async afterFailure(
    call: OutboundCall,
    policy: OutboundPolicy,
    attempts: Attempts,
    error: unknown,
  ): Promise<void> {
    const target = call.target ?? '';
    // Its circuit opened while the attempt waited for a place: none was made, and the choice is another now.
    if (wasRejected(call, error)) {
      attempts.turnedAway.add(target);
      return;
    }
    const failure = call.failure ?? classifyFailure(error, policy.ownCodes);
    attempts.failures.push(failure);
    attempts.failed.set(target, failure);
    const late = failure.verdict === 'failure' && timeoutPhaseOf(error);
    if (late) this.metrics.outbound.timedOut(target, late);
    const decision = this.decide(call, policy, attempts);
    if (decision.kind === 'stop') {
      this.countSuppressed(target, decision.reason);
      this.countFallback(attempts, 'failure');
      throw endedBy(call) ?? this.finalError(call, policy, decision.reason, error);
    }
    if (decision.where === 'same') await pause(decision.delayMs, call, policy);
  }

  /** Where the targets ask for rest, or are to get it, when they may be called again is what a client can use. */
  private finalError(
    call: OutboundCall,
    policy: OutboundPolicy,
    reason: StopReason,
    error: unknown,
  ): unknown {
    const isToRest = reason === 'shut' || call.failure?.retryAfterMs !== undefined;
    return isToRest && areShut(call.targets, policy) ? noTarget(call.targets, policy, error) : error;
  }

  private decide(call: OutboundCall, policy: OutboundPolicy, { failures, failed }: Attempts): RetryDecision {
    const target = policy.targets.get(call.target ?? '');
    if (!target || !call.deadline) return { kind: 'stop', reason: 'predicate' };
    const others = callableTargets(call.targets, policy).filter((name) => name !== call.target);
    return planRetry(
      {
        failures,
        replayable: call.canRepeat?.() ?? true,
        hasOtherTarget: others.some((name) => !failed.has(name)),
        hasEarlierTarget: others.length > 0,
        isUnavailable: target.circuit.retryAfterMs > 0,
        signal: call.signal,
        abandoned: call.abandoned,
        deadline: call.deadline,
        budget: target.budget,
      },
      policy.retry,
      Math.random,
    );
  }
}

/** Has circuits count that they kept the call from targets that it would have gone to, untried as they are. */
function countRejections(
  chosen: string | undefined,
  call: OutboundCall,
  policy: OutboundPolicy,
  { failed, turnedAway }: Attempts,
): void {
  const untried = call.targets.filter((name) => !failed.has(name));
  for (const name of preferredTo(chosen, untried)) {
    if (!turnedAway.has(name) && policy.targets.get(name)?.circuit.recordRejection()) turnedAway.add(name);
  }
}

/** One that nobody could reach is the least likely to answer a moment later. */
function reachedFirst(names: readonly string[], failed: ReadonlyMap<string, FailureKind>): string[] {
  const unreached = (name: string): number => Number(failed.get(name)?.nothingSent ?? false);
  return names.toSorted((one, other) => unreached(one) - unreached(other));
}

/** Did the circuit of the chosen target turn the attempt away? The error may also be that of a call within it. */
function wasRejected({ failure }: OutboundCall, error: unknown): boolean {
  return failure === undefined && error instanceof ServiceError && error.code === 'CIRCUIT_OPEN';
}

/** Why nobody waits for the call any more, where that is so. */
function endedBy({ signal, abandoned }: OutboundCall): Error | undefined {
  const ended = [signal, abandoned].find((candidate) => candidate?.aborted);
  return ended && asError(ended.reason);
}

/** Waits before another attempt at the same target. */
async function pause(
  ms: number,
  { target = '', signal, abandoned }: OutboundCall,
  policy: OutboundPolicy,
): Promise<void> {
  const signals = abandoned ? [signal, abandoned] : [signal];
  await sleep(ms, ...signals);
  const leftMs = policy.targets.get(target)?.cooling.remainingMs ?? 0;
  if (leftMs > 0 && leftMs <= MAX_EARLY_MS) await sleep(Math.ceil(leftMs) + 1, ...signals);
}
