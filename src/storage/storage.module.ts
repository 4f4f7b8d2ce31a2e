import { Module } from '@nestjs/common';
import { ServiceTokensModule } from '../service-tokens/service-tokens.module.js';
import { StorageElements } from './storage-elements.service.js';

@Module({ imports: [ServiceTokensModule], providers: [StorageElements], exports: [StorageElements] })
export class StorageModule {}
