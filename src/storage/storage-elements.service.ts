import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { ElementSettings } from '../config/element-settings.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import type { DriverServices, StorageDriver } from './storage-driver.js';
import { STORAGE_DRIVERS } from './storage-drivers.js';
import type { RetentionPolicy, StorageElement } from './storage-element.js';
import { STORAGE_POLICY, STORAGE_QUERY_POLICY, storagePolicy } from './storage-policy.js';

/** An element that files are written to. */
export interface WrittenElement {
  /** Names its circuit and its metrics. */
  readonly target: string;
  readonly element: StorageElement;
}

interface ConfiguredElement extends WrittenElement {
  readonly settings: ElementSettings;
}

/** Where each kind of file is written. `ro` and `ar` elements take none. */
const MODE_FOR: Readonly<Record<RetentionPolicy, ElementSettings['mode']>> = {
  temporary: 'edit',
  permanent: 'rw',
};

/** The configured storage elements, in the order in which they are asked: by priority, then as configured. */
@Injectable()
export class StorageElements implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(StorageElements.name);
  private readonly configured: readonly ConfiguredElement[];

  constructor(
    @Inject(STORAGE_DRIVERS) drivers: readonly StorageDriver[],
    config: ConfigService<Environment, true>,
    tokens: ServiceTokens,
    policies: OutboundPolicies,
  ) {
    this.configured = config
      .get('STORAGE_ELEMENTS', { infer: true })
      .toSorted((one, other) => one.priority - other.priority)
      .map((settings) => ({
        settings,
        element: create(settings, drivers, { config, tokens }),
        target: `storage:${settings.id}`,
      }));
    const policy = storagePolicy(
      config,
      this.configured.map(({ target }) => target),
    );
    policies.register(policy);
    policies.registerProbes(
      STORAGE_POLICY,
      STORAGE_QUERY_POLICY,
      { ...policy.retry, attempts: 1 },
      policy.bulkhead,
    );
  }

  /** Prepares what elements have on this machine. One that cannot be used does not stop the others; its health tells. */
  async onModuleInit(): Promise<void> {
    await Promise.all(
      this.all().map(async (element) => {
        await element.prepare?.().catch((error: unknown) => {
          this.logger.warn(`Storage element ${element.id} was not prepared: ${String(error)}`);
        });
      }),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.all().map((element) => element.close()));
  }

  all(): readonly StorageElement[] {
    return this.configured.map(({ element }) => element);
  }

  /** @throws Error for a name that no element has. */
  at(target: string | undefined): StorageElement {
    const found = this.find(target);
    if (!found) throw new Error(`There is no storage element at "${target}"`);
    return found;
  }

  /** Undefined for a name that no element has, or has any more. */
  find(target: string | undefined): StorageElement | undefined {
    return this.configured.find((configured) => configured.target === target)?.element;
  }

  /** The targets that take a new file of `size` bytes, where that is known, the preferred one first. */
  targetsFor(retentionPolicy: RetentionPolicy, size = 0): readonly string[] {
    return this.configured
      .filter(
        ({ settings: { mode, capacity = Infinity } }) =>
          mode === MODE_FOR[retentionPolicy] && size <= capacity,
      )
      .map(({ target }) => target);
  }

  /** What kind of file rests at a target that is written to. */
  retentionPolicyAt(target: string): RetentionPolicy {
    const mode = this.configured.find((configured) => configured.target === target)?.settings.mode;
    return mode === MODE_FOR.permanent ? 'permanent' : 'temporary';
  }

  /** The targets that are written to, where a file may be. */
  writtenTargets(): readonly string[] {
    return this.written().map(({ target }) => target);
  }

  /** The elements at these targets. */
  written(): readonly WrittenElement[] {
    return this.configured.filter(isWritten);
  }
}

/** The configuration was checked: a driver of that name is there. */
function create(
  settings: ElementSettings,
  drivers: readonly StorageDriver[],
  services: DriverServices,
): StorageElement {
  const driver = drivers.find(({ name }) => name === settings.driver);
  if (!driver) throw new Error(`There is no driver "${settings.driver}"`);
  return driver.create(settings, services);
}

function isWritten({ settings }: ConfiguredElement): boolean {
  return Object.values(MODE_FOR).includes(settings.mode);
}
