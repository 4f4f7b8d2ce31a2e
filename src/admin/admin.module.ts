import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { IngestModule } from '../ingest/ingest.module.js';
import { PeersModule } from '../peers/peers.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { AuditController } from './audit.controller.js';
import { CircuitMetrics } from './circuit-metrics.service.js';
import { CircuitsController } from './circuits.controller.js';
import { DeadLetterBulkController } from './dead-letter-bulk.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { MetricsController } from './metrics.controller.js';
import { OrdersController } from './orders.controller.js';
import { QueueController } from './queue.controller.js';
import { ReplicasController } from './replicas.controller.js';
import { SpoolMetrics } from './spool-metrics.service.js';
import { UploadAborts } from './upload-aborts.service.js';
import { UploadViewsController } from './upload-views.controller.js';
import { UploadViews } from './upload-views.service.js';

@Module({
  imports: [DeliveryModule, IngestModule, PeersModule, ReplicasModule],
  controllers: [
    CircuitsController,
    // Before the one to which `groups` would be an id.
    DeadLetterBulkController,
    DeadLettersController,
    UploadViewsController,
    QueueController,
    AuditController,
    MetricsController,
    OrdersController,
    ReplicasController,
  ],
  providers: [CircuitMetrics, SpoolMetrics, UploadViews, UploadAborts],
})
export class AdminModule {}
