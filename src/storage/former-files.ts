import { ConfigurationError, type Environment } from '../config/environment.js';
import type { StorageDriver } from './storage-driver.js';

/**
 * An earlier version may have kept its files in another way.
 * @throws ConfigurationError that names each element whose driver refuses it: its files would be forgotten
 */
export async function requireNoFormerFiles(
  { STORAGE_ELEMENTS }: Environment,
  drivers: readonly StorageDriver[],
): Promise<void> {
  const problems = await Promise.all(
    STORAGE_ELEMENTS.map(async (settings) => {
      const refusal = await drivers.find(({ name }) => name === settings.driver)?.refusal?.(settings);
      return refusal === undefined ? [] : [`STORAGE_ELEMENTS: ${refusal}`];
    }),
  );
  if (problems.flat().length > 0) throw new ConfigurationError(problems.flat());
}
