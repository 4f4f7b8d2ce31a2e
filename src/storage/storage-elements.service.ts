import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { StorageElementSettings } from '../config/storage-elements.variable.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { LocalStorageElement } from './drivers/local/local-storage-element.js';
import { createStorageElement } from './storage-element.factory.js';
import type { RetentionPolicy, StorageElement } from './storage-element.js';
import { STORAGE_POLICY, STORAGE_QUERY_POLICY, storagePolicy } from './storage-policy.js';

/** A local element that files are written to. */
export interface WrittenFolder {
  readonly target: string;
  readonly element: LocalStorageElement;
}

interface ConfiguredElement {
  readonly settings: StorageElementSettings;
  readonly element: StorageElement;
  /** Names its circuit and its metrics. */
  readonly target: string;
}

/** Where each kind of file is written. `ro` and `ar` elements take none. */
const MODE_FOR: Readonly<Record<RetentionPolicy, StorageElementSettings['mode']>> = {
  temporary: 'edit',
  permanent: 'rw',
};

/** The configured storage elements, in the order in which they are asked: by priority, then as configured. */
@Injectable()
export class StorageElements implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(StorageElements.name);
  private readonly configured: readonly ConfiguredElement[];

  constructor(config: ConfigService<Environment, true>, tokens: ServiceTokens, policies: OutboundPolicies) {
    this.configured = config
      .get('STORAGE_ELEMENTS', { infer: true })
      .toSorted((one, other) => one.priority - other.priority)
      .map((settings) => ({
        settings,
        element: createStorageElement(settings, config, tokens),
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

  /** Prepares local folders. One that cannot be used does not stop the others; its health tells. */
  async onModuleInit(): Promise<void> {
    await Promise.all(
      this.all().map(async (element) => {
        if (!(element instanceof LocalStorageElement)) return;
        await element.prepare().catch((error: unknown) => {
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
    const found = this.configured.find((configured) => configured.target === target);
    if (!found) throw new Error(`There is no storage element at "${target}"`);
    return found.element;
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
    return this.configured.filter(isWritten).map(({ target }) => target);
  }

  /** The local elements among them. */
  writtenFolders(): readonly WrittenFolder[] {
    return this.configured
      .filter(isWritten)
      .flatMap(({ target, element }) =>
        element instanceof LocalStorageElement ? [{ target, element }] : [],
      );
  }
}

function isWritten({ settings }: ConfiguredElement): boolean {
  return Object.values(MODE_FOR).includes(settings.mode);
}
