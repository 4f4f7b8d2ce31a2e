import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError, type Environment } from '../config/environment.js';
import { spoolFolderOf } from '../resilience/spool-path.js';

/** What an earlier version called an accepted file. */
const FORMER_NAME = /\.upload$/;

/**
 * An earlier version named accepted files in another way.
 * @throws ConfigurationError where some are there, and would be forgotten
 */
export function requireNoFormerSpool(environment: Environment): void {
  const folder = join(spoolFolderOf(environment), 'accepted');
  if (!existsSync(folder) || !readdirSync(folder).some((name) => FORMER_NAME.test(name))) return;
  throw new ConfigurationError([
    `SPOOL_DIR: ${folder} has accepted files of an earlier version, which this one cannot read; have them delivered by that version first`,
  ]);
}
