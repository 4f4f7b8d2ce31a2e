import { Logger, Module, type OnModuleInit } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { APP_GUARD } from '@nestjs/core';
import type { Environment } from '../config/environment.js';
import { AuthGuard } from './auth.guard.js';
import { JwksEndpoint } from './jwks-endpoint.service.js';
import { JwtStrategy } from './jwt.strategy.js';
import { openVerificationKeys } from './open-verification-keys.js';
import { VERIFICATION_KEYS } from './verification-keys.js';

/** Importing it closes every route of the application, except those that say `@Public()`. */
@Module({
  providers: [
    JwksEndpoint,
    { provide: VERIFICATION_KEYS, useFactory: openVerificationKeys, inject: [ConfigService, JwksEndpoint] },
    JwtStrategy,
    { provide: APP_GUARD, useClass: AuthGuard },
  ],
  exports: [VERIFICATION_KEYS],
})
export class AuthModule implements OnModuleInit {
  constructor(private readonly config: ConfigService<Environment, true>) {}

  onModuleInit(): void {
    if (!this.config.get('SKIP_AUTH', { infer: true })) return;
    new Logger(AuthModule.name).warn(
      'SKIP_AUTH IS SET: every caller is an administrator, with or without a token. Never use it in production.',
    );
  }
}
