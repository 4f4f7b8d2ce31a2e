import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { StorageElementSettings } from '../config/storage-elements.variable.js';
import type { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { HttpStorageElement } from './drivers/http/http-storage-element.js';
import { LocalStorageElement } from './drivers/local/local-storage-element.js';
import type { StorageElement } from './storage-element.js';

/** Makes the driver of one configured element. Nothing is opened yet. */
export function createStorageElement(
  settings: StorageElementSettings,
  config: ConfigService<Environment, true>,
  tokens: ServiceTokens,
): StorageElement {
  if (settings.driver === 'local') return new LocalStorageElement(settings.id, settings.path);
  const timeouts = {
    connectMs: config.get('STORAGE_CONNECT_TIMEOUT_MS', { infer: true }),
    stallMs: config.get('STORAGE_STALL_TIMEOUT_MS', { infer: true }),
    minBytesPerSecond: config.get('STORAGE_MIN_BYTES_PER_SECOND', { infer: true }),
    rateWindowMs: config.get('STORAGE_MIN_RATE_WINDOW_MS', { infer: true }),
    commitMs: config.get('STORAGE_COMMIT_TIMEOUT_MS', { infer: true }),
    requestMs: config.get('STORAGE_REQUEST_TIMEOUT_MS', { infer: true }),
  };
  const options = {
    id: settings.id,
    url: settings.url,
    acceptsEmptyFiles: settings.acceptsEmptyFiles,
    maxConnections: config.get('STORAGE_MAX_CONNECTIONS', { infer: true }),
    clientId: config.get('SERVICE_CLIENT_ID', { infer: true }),
  };
  return new HttpStorageElement({ ...options, ...timeouts }, tokens);
}
