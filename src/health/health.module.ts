import { Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { TerminusModule } from '@nestjs/terminus';
import type { Environment } from '../config/environment.js';
import { DeliveryHealth } from '../delivery/delivery-health.service.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { ResilienceModule } from '../resilience/resilience.module.js';
import { ServiceTokensModule } from '../service-tokens/service-tokens.module.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { StorageElements } from '../storage/storage-elements.service.js';
import { StorageModule } from '../storage/storage.module.js';
import { CheckRunner } from './check-runner.service.js';
import { deliveryChecks } from './delivery-checks.js';
import { diskCheck } from './disk-check.js';
import { DlqController } from './dlq.controller.js';
import { HealthController } from './health.controller.js';
import { READINESS_CHECKS, type ReadinessCheck } from './readiness-check.js';
import { ReadinessService } from './readiness.service.js';
import { storageChecks } from './storage-checks.js';
import { tokenEndpointCheck } from './token-endpoint-check.js';

@Module({
  // Terminus would log every report that is not good; the check runner logs changes.
  imports: [
    TerminusModule.forRoot({ logger: false }),
    DeliveryModule,
    ResilienceModule,
    StorageModule,
    ServiceTokensModule,
  ],
  controllers: [HealthController, DlqController],
  providers: [
    {
      provide: READINESS_CHECKS,
      inject: [ConfigService, StorageElements, ServiceTokens, DeliveryHealth],
      useFactory: readinessChecks,
    },
    CheckRunner,
    ReadinessService,
  ],
})
export class HealthModule {}

function readinessChecks(
  config: ConfigService<Environment, true>,
  elements: StorageElements,
  tokens: ServiceTokens,
  delivery: DeliveryHealth,
): ReadinessCheck[] {
  const { checks, canKeep } = deliveryChecks(delivery);
  const mayKeep = config.get('DELIVER_LATER', { infer: true });
  const minFreeBytes = config.get('MIN_FREE_DISK_BYTES', { infer: true });
  const usesTokens = config.get('SERVICE_TOKEN_URL', { infer: true }) !== undefined;
  return [
    ...storageChecks(
      elements.all(),
      config.get('STORAGE_ELEMENTS', { infer: true }),
      mayKeep ? canKeep : () => Promise.resolve(false),
    ),
    ...checks,
    ...(usesTokens ? [tokenEndpointCheck(tokens)] : []),
    ...(minFreeBytes > 0 ? [diskCheck(config.get('DATA_DIR', { infer: true }), minFreeBytes)] : []),
  ];
}
