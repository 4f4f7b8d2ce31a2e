import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { Replicas } from './replicas.service.js';

/** This process among those that share its database. */
@Module({ imports: [DatabaseModule], providers: [Replicas], exports: [Replicas] })
export class ReplicasModule {}
