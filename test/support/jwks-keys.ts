import { ConfigService } from '@nestjs/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { JwksEndpoint } from '../../src/auth/jwks-endpoint.service.js';
import { JwksKeys } from '../../src/auth/jwks-keys.js';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from './parse-environment.js';
import type { Environment } from '../../src/config/environment.js';
import { CLOCK, type Clock, systemClock } from '../../src/timing/clock.js';
import { OutboundRoom } from './outbound-room.js';

export interface OpenJwksKeys {
  readonly module: TestingModule;
  readonly keys: JwksKeys;
  close(): Promise<void>;
}

/** The keys of a JWKS endpoint, its outbound interceptors included, before anything has been fetched. */
export async function openJwksKeys(
  variables: Record<string, string>,
  clock: Clock = systemClock,
): Promise<OpenJwksKeys> {
  const module = await Test.createTestingModule({
    imports: [configModule(parseEnvironment(variables)), OutboundRoom],
    providers: [JwksEndpoint],
  })
    .overrideProvider(CLOCK)
    .useValue(clock)
    .compile();
  await module.init();
  const config: ConfigService<Environment, true> = module.get(ConfigService);
  const keys = new JwksKeys(module.get(JwksEndpoint), {
    maxAgeMs: config.get('JWT_JWKS_MAX_AGE_MS', { infer: true }),
    cooldownMs: config.get('JWT_JWKS_COOLDOWN_MS', { infer: true }),
  });
  const close = async (): Promise<void> => {
    await keys.onApplicationShutdown();
    await module.close();
  };
  return { module, keys, close };
}
