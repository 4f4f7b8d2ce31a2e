import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError, type Environment } from '../config/environment.js';

/**
 * An earlier version kept what it had promised in a folder that this one cannot read.
 * @throws ConfigurationError where it is there, and would be forgotten
 */
export function requireNoFormerDatabase({ DATA_DIR, DATABASE_URL }: Environment): void {
  const folder = join(DATA_DIR, 'database');
  if (DATABASE_URL !== undefined || !existsSync(folder)) return;
  throw new ConfigurationError([
    `DATA_DIR: ${folder} is the embedded database of an earlier version, which this one cannot read; deliver what it holds with that version, then remove the folder`,
  ]);
}
