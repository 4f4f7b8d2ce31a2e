import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { CircuitMetrics } from './circuit-metrics.service.js';
import { CircuitsController } from './circuits.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { MetricsController } from './metrics.controller.js';
import { OrdersController } from './orders.controller.js';
import { ReplicasController } from './replicas.controller.js';
import { SpoolMetrics } from './spool-metrics.service.js';

@Module({
  imports: [DeliveryModule, ReplicasModule],
  controllers: [
    CircuitsController,
    DeadLettersController,
    MetricsController,
    OrdersController,
    ReplicasController,
  ],
  providers: [CircuitMetrics, SpoolMetrics],
})
export class AdminModule {}
