import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { CircuitOrders } from './circuit-orders.service.js';
import { CircuitViews } from './circuit-views.service.js';
import { Orders } from './orders.service.js';
import { Replicas } from './replicas.service.js';

/** This process among those that share its database, and what operators have ordered of all of them. */
@Module({
  imports: [DatabaseModule],
  providers: [Replicas, CircuitOrders, CircuitViews, Orders],
  exports: [Replicas, CircuitViews, Orders],
})
export class ReplicasModule {}
