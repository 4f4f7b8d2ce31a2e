import { PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';

/** The pino logger of this application, below Nest's `Logger`. */
export const ROOT_LOGGER = Symbol('ROOT_LOGGER');

/**
 * nestjs-pino keeps one root logger for the whole process, the first one that was made. This one belongs to its
 * application, so that a second application in the process, as tests build it, logs where it was told to.
 */
export class ApplicationLogger extends PinoLogger {
  constructor(private readonly root: Logger) {
    super({ pinoHttp: { logger: root } });
  }

  override get logger(): Logger {
    return this.root;
  }
}
