import { z } from 'zod';
import { elementShape } from '../../../config/element-settings.js';
import type { StorageDriver } from '../../storage-driver.js';
import { isFormerLayout } from './former-layout.js';
import { LocalPlaces } from './local-places.js';
import { LocalStorageElement } from './local-storage-element.js';

const settingsSchema = z.strictObject({
  ...elementShape,
  driver: z.literal('local'),
  /** The folder, absolute or from where the service was started. */
  path: z.string().min(1),
});

/** A folder of this machine. */
export const localDriver: StorageDriver<z.infer<typeof settingsSchema>> = {
  name: 'local',
  settingsSchema,
  folderSetting: 'path',

  create: ({ id, path }) => new LocalStorageElement(id, path),

  /** Of a folder that cannot be read, or is not there yet, the health of its element tells. */
  async refusal({ path }) {
    if (!(await isFormerLayout(new LocalPlaces(path)).catch(() => false))) return undefined;
    return `${path} has files of an earlier version, which this one cannot read; store them anew in an empty folder`;
  },
};
