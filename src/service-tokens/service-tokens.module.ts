import { Module } from '@nestjs/common';
import { ServiceTokens } from './service-tokens.service.js';
import { TokenEndpoint } from './token-endpoint.service.js';

@Module({ providers: [TokenEndpoint, ServiceTokens], exports: [ServiceTokens] })
export class ServiceTokensModule {}
