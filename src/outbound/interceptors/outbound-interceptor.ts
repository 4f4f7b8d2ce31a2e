import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { OUTBOUND_POLICY } from './outbound-metadata.js';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundPolicies } from '../outbound-policies.service.js';
import type { OutboundPolicy } from '../outbound-policy.js';

/** Makes what is further inside happen: the next interceptor, or the call itself. Once for each attempt. */
export type Proceed = () => Promise<unknown>;

/** One step around outbound calls. Requests that come in pass it by. */
@Injectable()
export abstract class OutboundInterceptor implements NestInterceptor {
  constructor(protected readonly policies: OutboundPolicies) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== 'outbound') return next.handle();
    const name: unknown = Reflect.getMetadata(OUTBOUND_POLICY, context.getHandler());
    const call = context.getArgByIndex<OutboundCall>(0);
    return from(this.around(call, this.policies.require(String(name)), () => lastValueFrom(next.handle())));
  }

  protected abstract around(call: OutboundCall, policy: OutboundPolicy, proceed: Proceed): Promise<unknown>;
}
