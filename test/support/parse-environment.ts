import { type Environment, parseEnvironment as parse } from '../../src/config/environment.js';
import { storageDrivers } from '../../src/storage/storage-drivers.js';

/** The configuration that the service would have of these variables. @throws ConfigurationError */
export function parseEnvironment(env: Record<string, string | undefined>): Environment {
  return parse(env, storageDrivers);
}

/** The drivers that the service has. */
export { storageDrivers };
