import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AuthModule } from './auth/auth.module.js';
import { BodyModule } from './body/body.module.js';
import { configModule } from './config/config.module.js';
import { ConsoleModule } from './console/console.module.js';
import type { Environment } from './config/environment.js';
import { ProblemFilter } from './errors/problem.filter.js';
import { HealthModule } from './health/health.module.js';
import { ObservabilityModule } from './observability/observability.module.js';
import { AdminModule } from './admin/admin.module.js';
import { OutboundModule } from './outbound/outbound.module.js';
import { TimingModule } from './timing/timing.module.js';
import { ProtocolsModule } from './protocols/protocols.module.js';
import { VersioningModule } from './versioning/versioning.module.js';

/** The composition root: every room, once. */
@Module({})
export class AppModule {
  static forRoot(environment: Environment): DynamicModule {
    return {
      module: AppModule,
      imports: [
        configModule(environment),
        ObservabilityModule,
        TimingModule,
        BodyModule,
        OutboundModule,
        VersioningModule,
        AuthModule,
        // Express looks for a route in the order of modules, and most requests are uploads.
        ProtocolsModule,
        HealthModule,
        AdminModule,
        ConsoleModule,
      ],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
    };
  }
}
