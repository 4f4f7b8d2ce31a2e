import { ConfigurationError, type Environment } from '../config/environment.js';
import { isFormerLayout } from './drivers/local/former-layout.js';
import { LocalPlaces } from './drivers/local/local-places.js';

/**
 * An earlier version kept the files of local elements in another way.
 * @throws ConfigurationError where there are some, which would be forgotten
 */
export async function requireNoFormerFiles({ STORAGE_ELEMENTS }: Environment): Promise<void> {
  const problems: string[] = [];
  for (const element of STORAGE_ELEMENTS) {
    if (element.driver !== 'local') continue;
    // Of a folder that cannot be read, or is not there yet, the health of its element tells.
    if (!(await isFormerLayout(new LocalPlaces(element.path)).catch(() => false))) continue;
    problems.push(
      `STORAGE_ELEMENTS: ${element.path} has files of an earlier version, which this one cannot read; store them anew in an empty folder`,
    );
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
}
