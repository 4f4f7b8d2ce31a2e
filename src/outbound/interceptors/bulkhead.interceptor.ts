import { Injectable } from '@nestjs/common';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundInterceptor, type Proceed } from './outbound-interceptor.js';
import type { OutboundPolicy } from '../outbound-policy.js';

/** Limits the calls and bytes in flight to one dependency; who waits for a place does so within the deadline. */
@Injectable()
export class BulkheadInterceptor extends OutboundInterceptor {
  protected async around(
    call: OutboundCall,
    { bulkhead }: OutboundPolicy,
    proceed: Proceed,
  ): Promise<unknown> {
    const { release } = await bulkhead.acquire(call);
    try {
      return await proceed();
    } finally {
      release();
    }
  }
}
