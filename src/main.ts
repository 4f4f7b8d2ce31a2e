import 'reflect-metadata';
import { once } from 'node:events';
import { Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  type Environment,
  overEnvFile,
  parseEnvironment,
  processVariables,
  strayVariables,
} from './config/environment.js';
import { closeToOthers } from './config/private-folders.js';
import { relaxedRules } from './config/relaxed-rules.js';
import { requireFolders } from './config/required-folders.js';
import { createApp, portOf } from './create-app.js';
import { requireNoFormerDatabase } from './database/former-database.js';
import { requireNoFormerSpool } from './delivery/former-spool.js';
import { endProcess } from './end-process.js';
import { listenForManagement } from './connections/management-port.js';
import { guardStandardStreams } from './observability/standard-output.js';
import { MinorGc } from './body/minor-gc.js';
import { shutDownOnSignal } from './shutdown.js';
import { reportStartFailure } from './start-failure.js';
import { requireNoFormerFiles } from './storage/former-files.js';
import { storageDrivers } from './storage/storage-drivers.js';
import { printWelcome } from './welcome.js';

/** Time that the reason why nothing starts has to get out. */
const REPORT_MS = 1_000;

async function main(environment: Environment): Promise<void> {
  await requireFolders(environment);
  requireNoFormerDatabase(environment);
  requireNoFormerSpool(environment);
  await requireNoFormerFiles(environment, storageDrivers);
  const openFolders = await closeToOthers(environment);
  const app = await createApp(environment);
  for (const warning of [...openFolders, ...strayVariables(storageDrivers), ...relaxedRules(environment)])
    new Logger('Configuration').warn(warning);
  shutDownOnSignal(app, environment);
  await listen(app, environment);
  const management = await listenForManagement(app, environment);
  const port = portOf(app.getHttpServer());
  const managementPort = management && portOf(management);
  new Logger('Ingester').log(
    { port, management_port: managementPort, ready_after_ms: Math.round(performance.now()) },
    `listening on port ${port}${managementPort === undefined ? '' : `, for management on port ${managementPort}`}`,
  );
  await printWelcome(environment, { port, docsPort: managementPort ?? port });
}

/** Listens without Nest's own `listen`, which would log a failure a second time. @throws Error of the system */
async function listen(app: NestExpressApplication, { PORT, HOST }: Environment): Promise<void> {
  await app.init();
  app.get(MinorGc).endOfStart();
  await once(app.getHttpServer().listen(PORT, HOST), 'listening');
}

// Before anything is written, and for all threads: what is kept here is of nobody else on this machine.
process.umask(0o077);
guardStandardStreams();
let variables = processVariables();
try {
  variables = overEnvFile(variables);
  await main(parseEnvironment(variables, storageDrivers));
} catch (error) {
  await reportStartFailure(error, variables);
  await endProcess(1, REPORT_MS);
}
