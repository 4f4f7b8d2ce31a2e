import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { StorageElementSettings } from '../config/storage-elements.variable.js';
import { ServiceError } from '../errors/service-error.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { LocalStorageElement } from './drivers/local-storage-element.js';
import { createStorageElement } from './storage-element.factory.js';
import type { RetentionPolicy, StorageElement, StoredFile } from './storage-element.js';

interface ConfiguredElement {
  readonly settings: StorageElementSettings;
  readonly element: StorageElement;
}

/** Where each kind of file is written. `ro` and `ar` elements take none. */
const MODE_FOR: Readonly<Record<RetentionPolicy, StorageElementSettings['mode']>> = {
  temporary: 'edit',
  permanent: 'rw',
};

/** Nothing here knows when an element comes back; long enough for one to restart. */
const RETRY_AFTER_MS = 30_000;

/** The configured storage elements, in the order in which they are asked: by priority, then as configured. */
@Injectable()
export class StorageElements implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(StorageElements.name);
  private readonly configured: readonly ConfiguredElement[];

  constructor(config: ConfigService<Environment, true>, tokens: ServiceTokens) {
    this.configured = config
      .get('STORAGE_ELEMENTS', { infer: true })
      .toSorted((one, other) => one.priority - other.priority)
      .map((settings) => ({ settings, element: createStorageElement(settings, config, tokens) }));
  }

  /** Prepares local folders. One that cannot be used does not stop the others; its health tells. */
  async onModuleInit(): Promise<void> {
    await Promise.all(
      this.all().map(async (element) => {
        if (!(element instanceof LocalStorageElement)) return;
        await element.prepare().catch((error: unknown) => this.warn(element, 'was not prepared', error));
      }),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.all().map((element) => element.close()));
  }

  all(): readonly StorageElement[] {
    return this.configured.map(({ element }) => element);
  }

  /**
   * Chooses the element for a new file of `size` bytes, where that is known.
   * @throws NO_STORAGE_AVAILABLE when none takes such files
   */
  choose(retentionPolicy: RetentionPolicy, size = 0): StorageElement {
    const chosen = this.configured.find(
      ({ settings: { mode, capacity = Infinity } }) => mode === MODE_FOR[retentionPolicy] && size <= capacity,
    );
    if (chosen) return chosen.element;
    throw new ServiceError('NO_STORAGE_AVAILABLE', `No storage takes this ${retentionPolicy} file.`, {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  /** Asks all elements that are written to for a file; one that is down is passed over with a warning. */
  async find(fileId: string): Promise<{ element: StorageElement; file: StoredFile } | undefined> {
    const written = this.configured.filter(({ settings }) => Object.values(MODE_FOR).includes(settings.mode));
    const answers = await Promise.all(
      written.map(async ({ element }) => {
        try {
          const file = await element.stat(fileId);
          return file && { element, file };
        } catch (error) {
          this.warn(element, 'could not be asked for a file', error);
          return undefined;
        }
      }),
    );
    return answers.find((answer) => answer !== undefined);
  }

  private warn(element: StorageElement, what: string, error: unknown): void {
    this.logger.warn(`Storage element ${element.id} ${what}: ${String(error)}`);
  }
}
