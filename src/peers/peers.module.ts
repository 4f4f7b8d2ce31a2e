import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { Peers } from './peers.service.js';

/** The other replicas, as those who ask for all of them see them. */
@Module({ imports: [DatabaseModule, ReplicasModule], providers: [Peers], exports: [Peers] })
export class PeersModule {}
