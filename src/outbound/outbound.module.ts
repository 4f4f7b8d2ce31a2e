import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CircuitBreakers } from './circuit-breakers.service.js';
import { OutboundPolicies } from './outbound-policies.service.js';
import { OutboundWiring } from './outbound-wiring.service.js';

/** How we call others, for every room that does. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [CircuitBreakers, OutboundPolicies, OutboundWiring],
  exports: [CircuitBreakers, OutboundPolicies],
})
export class OutboundModule {}
