import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Metrics } from '../../src/observability/metrics.service.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { CLOCK, systemClock } from '../../src/timing/clock.js';
import { OutboundPolicies } from '../../src/outbound/outbound-policies.service.js';
import { OutboundWiring } from '../../src/outbound/outbound-wiring.service.js';

/** What outbound calls need, without logs, spool and folders. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: CLOCK, useValue: systemClock },
    Metrics,
    CircuitBreakers,
    OutboundPolicies,
    OutboundWiring,
  ],
  exports: [CLOCK, Metrics, CircuitBreakers, OutboundPolicies],
})
export class OutboundRoom {}
