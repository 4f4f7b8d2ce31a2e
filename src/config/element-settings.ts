import { z } from 'zod';

/** What every entry of `STORAGE_ELEMENTS` has, whatever its driver. */
export const elementShape = {
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"'),
  /** `edit` takes temporary files, `rw` permanent ones; `ro` and `ar` take none. */
  mode: z.enum(['edit', 'rw', 'ro', 'ar']),
  /** The lower number is asked first. */
  priority: z.number().int().default(100),
  /** Size of the element in bytes. */
  capacity: z.number().int().min(1).optional(),
  /** Is the service not ready while the element is down? */
  critical: z.boolean().optional(),
};

const common = z.object({ ...elementShape, driver: z.string() });

/** One entry of `STORAGE_ELEMENTS`, as far as all have the same. */
export type ElementSettings = z.infer<typeof common>;

/**
 * A setting that is an object of secrets, and the variables that hold its members for all elements of the driver. Those of one
 * element have its id behind them, in capital letters and with `_` for what is no letter or digit.
 */
export interface SecretSetting {
  readonly name: string;
  /** Settings of an entry that say another way to the secret. */
  readonly inPlaceOf: readonly string[];
  readonly required: Readonly<Record<string, string>>;
  readonly optional: Readonly<Record<string, string>>;
}

/** What a driver says of its settings. */
export interface DriverSettings {
  /** What an entry of `STORAGE_ELEMENTS` calls it. */
  readonly name: string;
  /** All of an entry: `elementShape`, the name as `driver`, and what is its own. */
  readonly settingsSchema: z.ZodObject & z.ZodType<ElementSettings>;
  /** The setting that is a folder of this machine: no two elements, nor the service itself, may use one folder. */
  readonly folderSetting?: string;
  /** The setting that is a URL which secrets or files go to: it is to be https in production. */
  readonly urlSetting?: string;
  /** The setting that is secret, and may stand in variables of its own. */
  readonly secretSetting?: SecretSetting;
  /** Do its elements want a service token? Then production has to have credentials for one. */
  readonly wantsServiceToken?: boolean;
}
