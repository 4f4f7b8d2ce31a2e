import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from './clock.js';
import { Deadline, totalTimeMs } from './deadline.js';
import { DeadlineSignal } from './deadline-signal.js';
import type { OutboundCall } from './outbound-call.js';
import { OutboundInterceptor, type Proceed } from './outbound-interceptor.js';
import { OutboundPolicies } from './outbound-policies.service.js';
import type { OutboundPolicy } from './outbound-policy.js';

/** Gives a call its absolute deadline: waiting in a queue and every attempt count. */
@Injectable()
export class DeadlineInterceptor extends OutboundInterceptor {
  constructor(
    policies: OutboundPolicies,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(policies);
  }

  protected async around(call: OutboundCall, policy: OutboundPolicy, proceed: Proceed): Promise<unknown> {
    call.deadline = Deadline.in(totalTimeMs(call.bytes, policy.totalTime), this.clock);
    const limited = new DeadlineSignal(call.signal, call.deadline);
    call.signal = limited.signal;
    try {
      return await proceed();
    } finally {
      limited.dispose();
    }
  }
}
