import { Module } from '@nestjs/common';
import { ServiceTokensModule } from '../service-tokens/service-tokens.module.js';
import { ExpirySweep } from './expiry-sweep.service.js';
import { STORAGE_DRIVERS, storageDrivers } from './storage-drivers.js';
import { StorageElements } from './storage-elements.service.js';
import { StorageGateway } from './storage-gateway.service.js';

@Module({
  imports: [ServiceTokensModule],
  providers: [
    { provide: STORAGE_DRIVERS, useValue: storageDrivers },
    StorageElements,
    StorageGateway,
    ExpirySweep,
  ],
  exports: [StorageElements, StorageGateway],
})
export class StorageModule {}
