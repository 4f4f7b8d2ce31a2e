import { Inject, Injectable } from '@nestjs/common';
import { Metrics } from '../../observability/metrics.service.js';
import { CLOCK, type Clock } from '../../timing/clock.js';
import { Deadline, totalTimeMs } from '../deadline/deadline.js';
import { DeadlineSignal } from '../deadline/deadline-signal.js';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundInterceptor, type Proceed } from './outbound-interceptor.js';
import { OutboundPolicies } from '../outbound-policies.service.js';
import type { OutboundPolicy } from '../outbound-policy.js';

/** Gives a call its absolute deadline: waiting in a queue and every attempt count. */
@Injectable()
export class DeadlineInterceptor extends OutboundInterceptor {
  constructor(
    policies: OutboundPolicies,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    super(policies);
  }

  protected async around(call: OutboundCall, policy: OutboundPolicy, proceed: Proceed): Promise<unknown> {
    call.deadline = Deadline.in(totalTimeMs(call.bytes, policy.totalTime), this.clock);
    const waiting = call.signal;
    const limited = new DeadlineSignal(waiting, call.deadline);
    call.signal = limited.signal;
    try {
      return await proceed();
    } catch (error) {
      // The deadline of a call around this one has a reason of its own, by which this one is not late.
      const isLate = limited.signal.aborted && limited.signal.reason === error && !waiting.aborted;
      if (isLate) this.metrics.outbound.timedOut(policy.name, 'total');
      throw error;
    } finally {
      limited.dispose();
    }
  }
}
