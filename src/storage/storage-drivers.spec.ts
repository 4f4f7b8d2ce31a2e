import { ConfigService } from '@nestjs/config';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { elementShape } from '../config/element-settings.js';
import { ConfigurationError, type Environment, parseEnvironment } from '../config/environment.js';
import { Metrics } from '../observability/metrics.service.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { TokenEndpoint } from '../service-tokens/token-endpoint.service.js';
import { systemClock } from '../timing/clock.js';
import { requireNoFormerFiles } from './former-files.js';
import type { StorageDriver } from './storage-driver.js';
import { storageDrivers } from './storage-drivers.js';
import type { StorageElement } from './storage-element.js';
import { StorageElements } from './storage-elements.service.js';

const settingsSchema = z.strictObject({
  ...elementShape,
  driver: z.literal('tape'),
  library: z.string(),
  robot: z.string().default('/dev/robot'),
});

type TapeSettings = z.infer<typeof settingsSchema>;

class TapeElement implements StorageElement {
  readonly id: string;
  readonly acceptsEmptyFiles = true;
  prepared = 0;

  constructor(readonly settings: TapeSettings) {
    this.id = settings.id;
  }

  put = (): never => {
    throw new Error('no file is stored here');
  };
  stat = () => Promise.resolve(undefined);
  remove = () => Promise.resolve();
  health = () => Promise.resolve({ up: true as const });
  close = () => Promise.resolve();

  prepare(): Promise<void> {
    this.prepared += 1;
    return Promise.resolve();
  }
}

/** All that another driver takes: this, and a line in `storage-drivers.ts`. */
const tapeDriver: StorageDriver<TapeSettings> = {
  name: 'tape',
  settingsSchema,
  folderSetting: 'robot',
  urlSetting: 'library',
  wantsServiceToken: true,
  create: (settings) => new TapeElement(settings),
  refusal: ({ robot }) => Promise.resolve(robot.includes('old') ? `${robot} is of another age` : undefined),
};

const drivers = [...storageDrivers, tapeDriver];

function environmentOf(tape: object, variables: Record<string, string> = {}): Environment {
  const elements = [
    { id: 'disk', driver: 'local', mode: 'rw', path: '/files' },
    { id: 'tape', driver: 'tape', mode: 'rw', library: 'https://tapes.example', ...tape },
  ];
  return parseEnvironment({ STORAGE_ELEMENTS: JSON.stringify(elements), ...variables }, drivers);
}

function problemsOf(tape: object, variables: Record<string, string> = {}): readonly string[] {
  try {
    environmentOf(tape, variables);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe('a driver that is registered', () => {
  it('has its settings checked by its own schema, and is told with its defaults', () => {
    expect(environmentOf({}).STORAGE_ELEMENTS[1]).toEqual({
      id: 'tape',
      driver: 'tape',
      mode: 'rw',
      priority: 100,
      library: 'https://tapes.example',
      robot: '/dev/robot',
    });
    expect(problemsOf({ library: 7, url: 'x' })).toEqual([
      'STORAGE_ELEMENTS[1].library: must be text',
      'STORAGE_ELEMENTS[1]: must not have "url"',
    ]);
    expect(problemsOf({ driver: 'paper' })).toEqual([
      'STORAGE_ELEMENTS[1].driver: must be http, local, s3 or tape',
    ]);
  });

  it('has its folder kept from other elements', () => {
    expect(problemsOf({ robot: '/files/robot' })).toEqual([
      'STORAGE_ELEMENTS[1].robot: must not be inside the folder of STORAGE_ELEMENTS[0]',
    ]);
  });

  it('has its URL and its token asked for in production', () => {
    expect(problemsOf({ library: 'http://tapes.example' }, { NODE_ENV: 'production' })).toEqual(
      expect.arrayContaining([
        'SERVICE_TOKEN_URL: is required for storage elements with driver "http" or "tape"',
        'STORAGE_ELEMENTS[1].library: must be https with NODE_ENV=production, unless PLAIN_HTTP_HOSTS names tapes.example',
      ]),
    );
  });

  it('may refuse an element at the start', async () => {
    await expect(requireNoFormerFiles(environmentOf({}), drivers)).resolves.toBeUndefined();
    await expect(requireNoFormerFiles(environmentOf({ robot: '/old' }), drivers)).rejects.toThrow(
      'STORAGE_ELEMENTS: /old is of another age',
    );
  });

  it('makes its elements, which are prepared at the start', async () => {
    const environment = environmentOf({});
    const STORAGE_ELEMENTS = environment.STORAGE_ELEMENTS.slice(1);
    const config = new ConfigService<Environment, true>({ ...environment, STORAGE_ELEMENTS });
    const policies = new OutboundPolicies(new CircuitBreakers(systemClock), systemClock, new Metrics());
    const tokens = new ServiceTokens(new TokenEndpoint(config, policies, systemClock), config, systemClock);
    const elements = new StorageElements([tapeDriver, ...storageDrivers], config, tokens, policies);
    await elements.onModuleInit();
    const tape = elements.at('storage:tape');
    expect(tape).toBeInstanceOf(TapeElement);
    expect(tape).toMatchObject({ prepared: 1, settings: { robot: '/dev/robot' } });
    await elements.onApplicationShutdown();
  });
});
