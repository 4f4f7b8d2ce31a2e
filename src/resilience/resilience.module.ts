import { Global, Module } from '@nestjs/common';
import { CircuitBreakers } from './circuit-breakers.service.js';
import { CLOCK, systemClock } from './clock.js';

/** How we call others, for every room that does. */
@Global()
@Module({
  providers: [{ provide: CLOCK, useValue: systemClock }, CircuitBreakers],
  exports: [CLOCK, CircuitBreakers],
})
export class ResilienceModule {}
