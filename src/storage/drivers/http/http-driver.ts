import { z } from 'zod';
import { elementShape } from '../../../config/element-settings.js';
import type { Environment } from '../../../config/environment.js';
import { httpUrl } from '../../../config/variables.js';
import type { StorageDriver } from '../../storage-driver.js';
import { HttpStorageElement } from './http-storage-element.js';

const settingsSchema = z.strictObject({
  ...elementShape,
  driver: z.literal('http'),
  url: httpUrl(),
  /** Does the element store a file of no bytes? Most refuse one. */
  acceptsEmptyFiles: z.boolean().default(false),
});

/** A storage element behind HTTP. */
export const httpDriver: StorageDriver<z.infer<typeof settingsSchema>> = {
  name: 'http',
  settingsSchema,
  urlSetting: 'url',
  wantsServiceToken: true,

  create({ id, url, acceptsEmptyFiles }, { config, tokens }) {
    const get = <K extends keyof Environment>(name: K): Environment[K] => config.get(name, { infer: true });
    const timeouts = {
      connectMs: get('STORAGE_CONNECT_TIMEOUT_MS'),
      stallMs: get('STORAGE_STALL_TIMEOUT_MS'),
      minBytesPerSecond: get('STORAGE_MIN_BYTES_PER_SECOND'),
      rateWindowMs: get('STORAGE_MIN_RATE_WINDOW_MS'),
      commitMs: get('STORAGE_COMMIT_TIMEOUT_MS'),
      requestMs: get('STORAGE_REQUEST_TIMEOUT_MS'),
    };
    const limits = { maxConnections: get('STORAGE_MAX_CONNECTIONS'), clientId: get('SERVICE_CLIENT_ID') };
    return new HttpStorageElement({ id, url, acceptsEmptyFiles, ...limits, ...timeouts }, tokens);
  },
};
