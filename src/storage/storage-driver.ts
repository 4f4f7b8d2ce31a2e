import type { ConfigService } from '@nestjs/config';
import type { DriverSettings, ElementSettings } from '../config/element-settings.js';
import type { Environment } from '../config/environment.js';
import type { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import type { StorageElement } from './storage-element.js';

/** What a driver may use. */
export interface DriverServices {
  readonly config: ConfigService<Environment, true>;
  readonly tokens: ServiceTokens;
}

/**
 * A kind of storage element: a folder of `drivers`, and a line in `storage-drivers.ts`. `S` is what its
 * `settingsSchema` gives.
 */
export interface StorageDriver<S extends ElementSettings = ElementSettings> extends DriverSettings {
  /** Makes one element. Nothing is opened yet. */
  create(settings: S, services: DriverServices): StorageElement;
  /** Why this version must not start with the element, for an operator; undefined where it may. Never rejects. */
  refusal?(settings: S): Promise<string | undefined>;
}
