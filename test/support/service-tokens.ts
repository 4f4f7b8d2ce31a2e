import { Test, type TestingModule } from '@nestjs/testing';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from './parse-environment.js';
import { CLOCK, type Clock } from '../../src/timing/clock.js';
import { ServiceTokens } from '../../src/service-tokens/service-tokens.service.js';
import { ServiceTokensModule } from '../../src/service-tokens/service-tokens.module.js';
import { OutboundRoom } from './outbound-room.js';

export interface OpenServiceTokens {
  readonly module: TestingModule;
  readonly tokens: ServiceTokens;
  close(): Promise<void>;
}

/** The service tokens of an application with that environment, its outbound interceptors included. */
export async function openServiceTokens(
  variables: Record<string, string>,
  clock: Clock,
): Promise<OpenServiceTokens> {
  const module = await Test.createTestingModule({
    imports: [configModule(parseEnvironment(variables)), OutboundRoom, ServiceTokensModule],
  })
    .overrideProvider(CLOCK)
    .useValue(clock)
    .compile();
  await module.init();
  return { module, tokens: module.get(ServiceTokens), close: () => module.close() };
}
