import type { INestApplication } from '@nestjs/common';
import { Logger } from 'nestjs-pino';
import { accessLog } from './access-log.js';
import { ROOT_LOGGER } from './application-logger.js';
import { requestContext } from './request-context.middleware.js';

/**
 * Makes pino the logger of Nest, also of what it has logged so far, and opens and logs the context of every request.
 * Call it before any other middleware is mounted, so that whatever answers first is traced and logged as well.
 */
export function setUpObservability(app: INestApplication): void {
  app.useLogger(app.get(Logger));
  app.flushLogs();
  app.use(requestContext);
  app.use(accessLog(app.get(ROOT_LOGGER)));
}
