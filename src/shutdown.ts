import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Environment } from './config/environment.js';
import { DeliveryWorkers } from './delivery/delivery-workers.service.js';
import { endProcess } from './end-process.js';
import { ShutdownState } from './observability/shutdown-state.js';
import { ActiveUploads } from './ingest/active-uploads.service.js';

const FORCED_EXIT_CODE = 1;

/** Time that the last log lines have to get out. */
const LAST_LINES_MS = 1_000;
const AT_ONCE_MS = 100;

/**
 * Stops the service in phases, so that no upload is cut that could still finish: readiness turns 503 and new
 * uploads are refused while the port stays open; uploads in flight and deliveries get their grace; then everything
 * closes.
 */
async function shutDown(app: NestExpressApplication, environment: Environment): Promise<void> {
  const logger = new Logger('Shutdown');
  const phase = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const startedAt = performance.now();
    const result = await work();
    logger.log(
      { phase: name, duration_ms: Math.round(performance.now() - startedAt), result },
      `shutdown: ${name}`,
    );
  };
  app.get(ShutdownState).begin();
  await phase('drain uploads and deliveries', async () => {
    const [aborted] = await Promise.all([
      app.get(ActiveUploads).drain(environment.SHUTDOWN_GRACE_MS),
      app.get(DeliveryWorkers).stop(),
      sleep(environment.SHUTDOWN_DRAIN_DELAY_MS),
    ]);
    return { aborted };
  });
  await phase('close', () => app.close());
}

/** Runs `shutDown` on SIGTERM, SIGINT and SIGHUP; a second signal ends the process at once. */
export function shutDownOnSignal(app: NestExpressApplication, environment: Environment): void {
  let begun = false;
  const onSignal = (): void => {
    if (begun) {
      void endProcess(FORCED_EXIT_CODE, AT_ONCE_MS);
      return;
    }
    begun = true;
    void shutDown(app, environment).then(
      () => endProcess(0, LAST_LINES_MS),
      (error: unknown) => {
        new Logger('Shutdown').error(error);
        return endProcess(FORCED_EXIT_CODE, LAST_LINES_MS);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
}
