import { Global, Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Logger } from 'nestjs-pino';
import pino, { type DestinationStream } from 'pino';
import type { Environment } from '../config/environment.js';
import { ApplicationLogger, ROOT_LOGGER } from './application-logger.js';
import { LOG_DESTINATION, openLogDestination } from './log-destination.js';
import { logOptions } from './log-options.js';
import { Metrics } from './metrics.service.js';
import { PublicPages } from './public-pages.service.js';
import { ShutdownState } from './shutdown-state.js';
import { openTracing } from './traces/open-tracing.js';
import { Tracing } from './tracing.js';

/**
 * Logging, metrics, traces, public pages and the state of shutdown, for every room. Of nestjs-pino only the `Logger` for
 * Nest is used: its module would also mount pino-http, whose child loggers cost more than the one line that we write.
 */
@Global()
@Module({
  providers: [
    {
      provide: LOG_DESTINATION,
      inject: [ConfigService],
      useFactory: (config: ConfigService<Environment, true>) =>
        openLogDestination({
          LOG_FORMAT: config.get('LOG_FORMAT', { infer: true }),
          NODE_ENV: config.get('NODE_ENV', { infer: true }),
        }),
    },
    {
      provide: ROOT_LOGGER,
      inject: [ConfigService, LOG_DESTINATION],
      useFactory: (config: ConfigService<Environment, true>, destination: DestinationStream) =>
        pino(logOptions(config.get('LOG_LEVEL', { infer: true })), destination),
    },
    {
      provide: Logger,
      inject: [ROOT_LOGGER],
      useFactory: (root: pino.Logger) => new Logger(new ApplicationLogger(root), {}),
    },
    { provide: Tracing, inject: [ConfigService], useFactory: openTracing },
    Metrics,
    PublicPages,
    ShutdownState,
  ],
  exports: [ROOT_LOGGER, Logger, Metrics, PublicPages, ShutdownState, Tracing],
})
export class ObservabilityModule {}
