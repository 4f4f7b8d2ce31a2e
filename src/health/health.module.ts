import { Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { TerminusModule } from '@nestjs/terminus';
import { AuthModule } from '../auth/auth.module.js';
import { VERIFICATION_KEYS, type VerificationKeys } from '../auth/verification-keys.js';
import type { Environment } from '../config/environment.js';
import { DeliveryHealth } from '../delivery/delivery-health.service.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { ServiceTokensModule } from '../service-tokens/service-tokens.module.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { StorageElements } from '../storage/storage-elements.service.js';
import { StorageModule } from '../storage/storage.module.js';
import { CheckRunner } from './check-runner.service.js';
import { deliveryChecks } from './delivery-checks.js';
import { diskCheck } from './disk-check.js';
import { DlqController } from './dlq.controller.js';
import { DlqReporting } from './dlq-reporting.service.js';
import { HealthController } from './health.controller.js';
import { OperatorsDlqController } from './operators-dlq.controller.js';
import { OperatorsReadinessController } from './operators-readiness.controller.js';
import { READINESS_CHECKS, type ReadinessCheck } from './readiness-check.js';
import { ReadinessService } from './readiness.service.js';
import { storageChecks } from './storage-checks.js';
import { tokenEndpointCheck } from './token-endpoint-check.js';
import { verificationKeysCheck } from './verification-keys-check.js';

/** Token of the checks of what tokens need: ours, and those of callers. */
const TOKEN_CHECKS = Symbol('TOKEN_CHECKS');

@Module({
  // Terminus would log every report that is not good; the check runner logs changes.
  imports: [
    TerminusModule.forRoot({ logger: false }),
    AuthModule,
    DeliveryModule,
    StorageModule,
    ServiceTokensModule,
  ],
  controllers: [HealthController, DlqController, OperatorsReadinessController, OperatorsDlqController],
  providers: [
    {
      provide: TOKEN_CHECKS,
      inject: [ConfigService, ServiceTokens, VERIFICATION_KEYS],
      useFactory: tokenChecks,
    },
    {
      provide: READINESS_CHECKS,
      inject: [ConfigService, StorageElements, DeliveryHealth, TOKEN_CHECKS],
      useFactory: readinessChecks,
    },
    CheckRunner,
    ReadinessService,
    DlqReporting,
  ],
})
export class HealthModule {}

function tokenChecks(
  config: ConfigService<Environment, true>,
  tokens: ServiceTokens,
  keys: VerificationKeys,
): ReadinessCheck[] {
  const usesTokens = config.get('SERVICE_TOKEN_URL', { infer: true }) !== undefined;
  const skipsAuth = config.get('SKIP_AUTH', { infer: true });
  return [
    ...(usesTokens ? [tokenEndpointCheck(tokens)] : []),
    ...(skipsAuth ? [] : [verificationKeysCheck(keys)]),
  ];
}

function readinessChecks(
  config: ConfigService<Environment, true>,
  elements: StorageElements,
  delivery: DeliveryHealth,
  ofTokens: readonly ReadinessCheck[],
): ReadinessCheck[] {
  const { checks, canKeep } = deliveryChecks(delivery);
  const mayKeep = config.get('DELIVER_LATER', { infer: true });
  const minFreeBytes = config.get('MIN_FREE_DISK_BYTES', { infer: true });
  return [
    ...storageChecks(
      elements.all(),
      config.get('STORAGE_ELEMENTS', { infer: true }),
      mayKeep ? canKeep : () => Promise.resolve(false),
    ),
    ...checks,
    ...ofTokens,
    ...(minFreeBytes > 0 ? [diskCheck(config.get('DATA_DIR', { infer: true }), minFreeBytes)] : []),
  ];
}
