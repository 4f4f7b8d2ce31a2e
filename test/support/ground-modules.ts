import type { Type } from '@nestjs/common';
import { BodyModule } from '../../src/body/body.module.js';
import { ObservabilityModule } from '../../src/observability/observability.module.js';
import { OutboundModule } from '../../src/outbound/outbound.module.js';
import { TimingModule } from '../../src/timing/timing.module.js';

/** What every other room stands on, but for the configuration. */
export const GROUND_MODULES: readonly Type[] = [
  ObservabilityModule,
  TimingModule,
  BodyModule,
  OutboundModule,
];
