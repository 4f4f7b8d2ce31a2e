import { Module } from '@nestjs/common';
import { MONOTONIC_CLOCK } from './monotonic-clock.js';
import { ServiceTokens } from './service-tokens.service.js';

@Module({
  providers: [{ provide: MONOTONIC_CLOCK, useValue: () => performance.now() }, ServiceTokens],
  exports: [ServiceTokens],
})
export class ServiceTokensModule {}
