import { Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { spoolPath } from '../body/spool-path.js';
import { MinorGc } from '../body/minor-gc.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { ServiceTokensModule } from '../service-tokens/service-tokens.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { Redelivery } from './dead-letters/redelivery.service.js';
import { DeadLetters } from './dead-letters.service.js';
import { AuditTrail } from './audit-trail.service.js';
import { DeadLetterBulk } from './dead-letter-bulk.service.js';
import { Deliveries } from './deliveries.service.js';
import { DeliveryHealth } from './delivery-health.service.js';
import { DeliveryPromises } from './delivery-promises.service.js';
import { DeliveryMetrics } from './delivery-metrics.service.js';
import { DeliveryReports } from './delivery-reports.service.js';
import { DeliverySettings } from './delivery-settings.service.js';
import { DeliveryUpkeep } from './delivery-upkeep.service.js';
import { DeliveryWorkers } from './delivery-workers.service.js';
import { FollowUpTasks } from './follow-ups/follow-up-tasks.service.js';
import { FollowUps } from './follow-ups/follow-ups.service.js';
import { StoredUploads } from './follow-ups/stored-uploads.service.js';
import { LedgerPromises } from './ledger/ledger-promises.service.js';
import { QueueView } from './queue-view.service.js';
import { Redeliveries } from './redeliveries.service.js';
import { AdminModuleClient } from './registration/admin-module-client.service.js';
import { RegistrationWork } from './registration/registration-work.service.js';
import { RemovalWork } from './removal/removal-work.service.js';
import { AcceptedFiles } from './spool/accepted-files.service.js';
import { IntentFiles } from './spool/intent-files.service.js';
import { SpoolRoom } from './spool/spool-room.service.js';
import { SpoolSpace } from './spool/spool-space.service.js';
import { SpoolSweep } from './spool/spool-sweep.service.js';
import { UnfinishedUploads } from './unfinished-uploads.service.js';
import { UploadsLedger } from './uploads-ledger.service.js';
import { WakeUps } from './wake-ups.service.js';
import { DeliveryWork } from './worker/delivery-work.service.js';
import { LeaseBeats } from './worker/lease-beats.service.js';
import { Reconciliation } from './worker/reconciliation.service.js';
import { Settlement } from './worker/settlement.service.js';
import { TaskKinds } from './task-kinds.service.js';
import { TaskLedger } from './worker/task-ledger.service.js';
import { TaskRunner } from './worker/task-runner.service.js';
import { TaskTelemetry } from './worker/task-telemetry.service.js';

type Config = ConfigService<Environment, true>;

const HOUR_MS = 3_600_000;

const SPOOL = [
  { provide: AcceptedFiles, inject: [ConfigService, CLOCK, MinorGc], useFactory: acceptedFiles },
  { provide: IntentFiles, inject: [ConfigService, CLOCK], useFactory: intentFiles },
  {
    provide: SpoolSpace,
    inject: [ConfigService, AcceptedFiles, LedgerPromises],
    useFactory: spoolSpace,
  },
  {
    provide: SpoolSweep,
    inject: [ConfigService, AcceptedFiles, IntentFiles, LedgerPromises],
    useFactory: spoolSweep,
  },
  SpoolRoom,
];

const WORK = [
  DeliveryWork,
  Reconciliation,
  RegistrationWork,
  RemovalWork,
  TaskLedger,
  LeaseBeats,
  Settlement,
  TaskTelemetry,
  TaskRunner,
  DeliveryWorkers,
];

/** What becomes of a file that was accepted and is not stored yet. */
@Module({
  imports: [DatabaseModule, ReplicasModule, StorageModule, ServiceTokensModule],
  providers: [
    DeliverySettings,
    TaskKinds,
    WakeUps,
    LedgerPromises,
    ...SPOOL,
    AdminModuleClient,
    FollowUpTasks,
    StoredUploads,
    FollowUps,
    ...WORK,
    UnfinishedUploads,
    DeliveryMetrics,
    DeliveryHealth,
    DeliveryReports,
    DeliveryUpkeep,
    Redelivery,
    DeadLetters,
    DeadLetterBulk,
    Redeliveries,
    AuditTrail,
    QueueView,
    DeliveryPromises,
    Deliveries,
    UploadsLedger,
  ],
  exports: [
    AuditTrail,
    DeadLetterBulk,
    QueueView,
    TaskKinds,
    DeadLetters,
    Deliveries,
    DeliveryHealth,
    DeliveryMetrics,
    Redeliveries,
    UploadsLedger,
  ],
})
export class DeliveryModule {}

function acceptedFiles(config: Config, clock: Clock, minorGc: MinorGc): AcceptedFiles {
  return new AcceptedFiles(spoolPath(config), clock, (bytes) => minorGc.freed(bytes));
}

function intentFiles(config: Config, clock: Clock): IntentFiles {
  return new IntentFiles(spoolPath(config), clock);
}

function spoolSpace(config: Config, files: AcceptedFiles, promises: LedgerPromises): SpoolSpace {
  const options = {
    path: spoolPath(config),
    maxBytes: config.get('SPOOL_ACCEPT_MAX_BYTES', { infer: true }),
    minFreeBytes: config.get('SPOOL_MIN_FREE_BYTES', { infer: true }),
    maxAgeMs: config.get('SPOOL_MAX_AGE_HOURS', { infer: true }) * HOUR_MS,
    oldestWaitingAgeMs: () => promises.oldestWaitingAgeMs(),
  };
  return new SpoolSpace(options, files);
}

function spoolSweep(
  config: Config,
  files: AcceptedFiles,
  intents: IntentFiles,
  promises: LedgerPromises,
): SpoolSweep {
  const options = {
    path: spoolPath(config),
    everyMs: config.get('SPOOL_SWEEP_INTERVAL_MS', { infer: true }),
    orphanMs: config.get('SPOOL_ORPHAN_AGE_MS', { infer: true }),
  };
  return new SpoolSweep(options, files, intents, promises);
}
