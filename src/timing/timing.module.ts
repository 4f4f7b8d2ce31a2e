import { Global, Module } from '@nestjs/common';
import { CLOCK, systemClock } from './clock.js';

/** The clock, for every room that asks what time it is. */
@Global()
@Module({ providers: [{ provide: CLOCK, useValue: systemClock }], exports: [CLOCK] })
export class TimingModule {}
