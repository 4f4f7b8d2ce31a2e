import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { toServiceError } from '../../errors/to-service-error.js';
import { classifyFailure } from '../classify-failure.js';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundInterceptor, type Proceed } from './outbound-interceptor.js';
import type { OutboundPolicy, OutboundTarget } from '../outbound-policy.js';

/** A permit outlives the deadline of its call by this, since the end of an attempt takes a moment. */
const PERMIT_MARGIN_MS = 5_000;

/** Makes one attempt through the circuit of its target, and tells the circuit how it went. */
@Injectable()
export class CircuitInterceptor extends OutboundInterceptor {
  protected async around(call: OutboundCall, policy: OutboundPolicy, proceed: Proceed): Promise<unknown> {
    const target = targetOf(call, policy);
    const permit = target.circuit.tryAcquire((call.deadline?.remainingMs ?? 0) + PERMIT_MARGIN_MS);
    if (!permit.admitted) {
      const { retryAfterMs } = permit;
      throw new ServiceError('CIRCUIT_OPEN', 'A service behind this one is failing.', { retryAfterMs });
    }
    try {
      const result = await proceed();
      permit.success();
      return result;
    } catch (error) {
      call.failure = target.cooling.failed(classifyFailure(error, policy.ownCodes));
      if (call.failure.verdict === 'failure') permit.failure(toServiceError(error).code);
      else permit.release();
      throw error;
    }
  }
}

function targetOf(call: OutboundCall, policy: OutboundPolicy): OutboundTarget {
  const target = policy.targets.get(call.target ?? '');
  if (!target) throw new Error(`"${call.target}" is no target of the policy "${policy.name}"`);
  return target;
}
