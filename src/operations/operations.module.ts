import { Module } from '@nestjs/common';
import { ResilienceModule } from '../resilience/resilience.module.js';
import { CircuitMetrics } from './circuit-metrics.service.js';
import { CircuitsController } from './circuits.controller.js';
import { MetricsController } from './metrics.controller.js';
import { SpoolMetrics } from './spool-metrics.service.js';

@Module({
  imports: [ResilienceModule],
  controllers: [CircuitsController, MetricsController],
  providers: [CircuitMetrics, SpoolMetrics],
})
export class OperationsModule {}
