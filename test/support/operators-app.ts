import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { AuthModule } from '../../src/auth/auth.module.js';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from './parse-environment.js';
import { Database } from '../../src/database/database.service.js';
import { Redelivery } from '../../src/delivery/dead-letters/redelivery.service.js';
import { DeadLetters } from '../../src/delivery/dead-letters.service.js';
import { AuditTrail } from '../../src/delivery/audit-trail.service.js';
import { DeadLetterBulk } from '../../src/delivery/dead-letter-bulk.service.js';
import { QueueView } from '../../src/delivery/queue-view.service.js';
import { DeliveryMetrics } from '../../src/delivery/delivery-metrics.service.js';
import { Redeliveries } from '../../src/delivery/redeliveries.service.js';
import { AcceptedFiles } from '../../src/delivery/spool/accepted-files.service.js';
import { SpoolSpace } from '../../src/delivery/spool/spool-space.service.js';
import { WakeUps } from '../../src/delivery/wake-ups.service.js';
import { ProblemFilter } from '../../src/errors/problem.filter.js';
import { DlqController } from '../../src/health/dlq.controller.js';
import { DlqReporting } from '../../src/health/dlq-reporting.service.js';
import { OperatorsDlqController } from '../../src/health/operators-dlq.controller.js';
import { LOG_DESTINATION } from '../../src/observability/log-destination.js';
import { setUpObservability } from '../../src/observability/set-up-observability.js';
import { AuditController } from '../../src/admin/audit.controller.js';
import { DeadLetterBulkController } from '../../src/admin/dead-letter-bulk.controller.js';
import { QueueController } from '../../src/admin/queue.controller.js';
import { DeadLettersController } from '../../src/admin/dead-letters.controller.js';
import { MetricsController } from '../../src/admin/metrics.controller.js';
import { DeliverySettings } from '../../src/delivery/delivery-settings.service.js';
import { TaskKinds } from '../../src/delivery/task-kinds.service.js';
import { UnfinishedUploads } from '../../src/delivery/unfinished-uploads.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { setUpVersioning } from '../../src/versioning/set-up-versioning.js';
import { VersioningModule } from '../../src/versioning/versioning.module.js';
import { GROUND_MODULES } from './ground-modules.js';
import type { RunningApp } from './app.js';
import { createTestKeys } from './tokens.js';

/** What operators have of the service, with its log. */
export interface OperatorsApp extends RunningApp {
  /** What was logged with a message, oldest first. */
  logged(message: string): Record<string, unknown>[];
}

/**
 * Starts what operators have of the service, over a real database, and without the workers: what is ordered stays to be
 * seen.
 */
export async function startOperatorsApp(variables: Record<string, string> = {}): Promise<OperatorsApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ingester-operators-'));
  const keys = await createTestKeys();
  const environment = parseEnvironment({
    NODE_ENV: 'test',
    DATA_DIR: dataDir,
    LOG_FORMAT: 'json',
    REPORT_MAX_AGE_MS: '0',
    JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir),
    ...variables,
  });
  const lines: string[] = [];
  const module = await Test.createTestingModule({
    imports: [configModule(environment), ...GROUND_MODULES, VersioningModule, AuthModule],
    controllers: [
      DeadLetterBulkController,
      DeadLettersController,
      QueueController,
      AuditController,
      DlqController,
      OperatorsDlqController,
      MetricsController,
    ],
    providers: [{ provide: APP_FILTER, useClass: ProblemFilter }, ...deliveryOn(join(dataDir, 'spool'))],
  })
    .overrideProvider(LOG_DESTINATION)
    .useValue({ write: (line: string) => lines.push(line) })
    .compile();
  const app = module.createNestApplication<NestExpressApplication>({ bodyParser: false });
  setUpObservability(app);
  setUpVersioning(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    port: Number(new URL(url).port),
    dataDir,
    keys,
    token: (claims = {}) => keys.sign({ sub: 'alice', role: 'user', ...claims }),
    logged: (message) =>
      lines.map((line): Record<string, unknown> => JSON.parse(line)).filter(({ msg }) => msg === message),
    close: async () => {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const UNLIMITED = {
  maxBytes: 0,
  minFreeBytes: 0,
  maxAgeMs: 0,
  oldestWaitingAgeMs: () => Promise.resolve(0),
};

function deliveryOn(path: string): Provider[] {
  const options = { ...UNLIMITED, path };
  return [
    Database,
    WakeUps,
    DeliveryMetrics,
    DeadLetters,
    DeadLetterBulk,
    AuditTrail,
    QueueView,
    DlqReporting,
    Redelivery,
    Redeliveries,
    { provide: TaskKinds, inject: [DeliverySettings], useFactory: idleKinds },
    DeliverySettings,
    Replicas,
    { provide: AcceptedFiles, useFactory: () => new AcceptedFiles(path) },
    {
      provide: UnfinishedUploads,
      inject: [AcceptedFiles],
      useFactory: (files: AcceptedFiles) => ({ files, discardOf: () => undefined }),
    },
    {
      provide: SpoolSpace,
      inject: [AcceptedFiles],
      useFactory: (files: AcceptedFiles) => new SpoolSpace(options, files),
    },
  ];
}

const idle = (): Promise<never> => Promise.reject(new Error('nobody works here'));

/** The kinds that the service has, of which nobody works on a task. */
function idleKinds(settings: DeliverySettings): TaskKinds {
  const kinds = new TaskKinds(settings);
  for (const name of ['delivery', 'registration', 'removal']) {
    kinds.add({
      name,
      lanes: { [name]: 1 },
      doneAs: name,
      needsFile: false,
      reconciles: true,
      followsStored: false,
      attempt: idle,
    });
  }
  return kinds;
}
