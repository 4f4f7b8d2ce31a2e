import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError, type Environment } from '../config/environment.js';
import { spoolFolderOf } from '../body/spool-path.js';
import { acceptedFile } from './spool/accepted-file.js';

/** Accepted files are called after their upload, in every version. */
const OF_AN_UPLOAD = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\./;

/**
 * An earlier version named accepted files in another way.
 * @throws ConfigurationError where some are there, and would be forgotten
 */
export function requireNoFormerSpool(environment: Environment): void {
  const folder = join(spoolFolderOf(environment), 'accepted');
  if (!existsSync(folder) || !readdirSync(folder).some(isFormer)) return;
  throw new ConfigurationError([
    `SPOOL_DIR: ${folder} has accepted files of an earlier version, which this one cannot read; have them delivered by that version first`,
  ]);
}

function isFormer(name: string): boolean {
  return OF_AN_UPLOAD.test(name) && !acceptedFile(name);
}
