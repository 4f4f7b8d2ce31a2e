import { z } from 'zod';
import { elementShape } from '../../../config/element-settings.js';
import { httpUrl } from '../../../config/variables.js';
import type { StorageDriver } from '../../storage-driver.js';
import { callLimitsOf } from '../upload-timeouts.js';
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
    const clientId = config.get('SERVICE_CLIENT_ID', { infer: true });
    return new HttpStorageElement({ id, url, acceptsEmptyFiles, clientId, ...callLimitsOf(config) }, tokens);
  },
};
