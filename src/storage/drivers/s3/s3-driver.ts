import { z } from 'zod';
import type { Environment } from '../../../config/environment.js';
import { elementShape } from '../../../config/element-settings.js';
import type { StorageDriver } from '../../storage-driver.js';
import { callLimitsOf } from '../upload-timeouts.js';
import { s3SettingsSchema } from './s3-settings.js';
import { S3StorageElement } from './s3-storage-element.js';

const DAY_MS = 86_400_000;

const settingsSchema = s3SettingsSchema.safeExtend({ ...elementShape, driver: z.literal('s3') });

/** A bucket of AWS S3, or of what speaks its protocol. */
export const s3Driver: StorageDriver<z.infer<typeof settingsSchema>> = {
  name: 's3',
  settingsSchema,
  urlSetting: 'endpoint',
  secretSetting: {
    name: 'credentials',
    inPlaceOf: ['profile'],
    required: { accessKeyId: 'S3_ACCESS_KEY_ID', secretAccessKey: 'S3_SECRET_ACCESS_KEY' },
    optional: { sessionToken: 'S3_SESSION_TOKEN' },
  },

  create(settings, { config }) {
    const get = <K extends keyof Environment>(name: K): Environment[K] => config.get(name, { infer: true });
    const limits = {
      ...callLimitsOf(config),
      maxFileBytes: get('MAX_FILE_BYTES'),
      orphanAgeMs: get('DELIVERY_MAX_AGE_MS') + DAY_MS,
    };
    return new S3StorageElement({ id: settings.id, settings, limits });
  },
};
