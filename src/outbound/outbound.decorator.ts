import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { OUTBOUND_INTERCEPTORS } from './interceptors/outbound-interceptors.js';
import { OUTBOUND_POLICY } from './interceptors/outbound-metadata.js';

/**
 * Declares a provider's method as a call to something that can fail, under the policy of that name. The method
 * takes one `OutboundCall`; at start it is wrapped, so that the outbound interceptors run around it.
 */
export function Outbound(policy: string): MethodDecorator {
  return applyDecorators(SetMetadata(OUTBOUND_POLICY, policy), UseInterceptors(...OUTBOUND_INTERCEPTORS));
}
