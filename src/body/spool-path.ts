import { join } from 'node:path';
import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';

/** The folder of the spool. */
export function spoolPath(config: ConfigService<Environment, true>): string {
  const [SPOOL_DIR, DATA_DIR] = [
    config.get('SPOOL_DIR', { infer: true }),
    config.get('DATA_DIR', { infer: true }),
  ];
  return spoolFolderOf({ SPOOL_DIR, DATA_DIR });
}

/** The same, before there is an application. */
export function spoolFolderOf({ SPOOL_DIR, DATA_DIR }: Pick<Environment, 'SPOOL_DIR' | 'DATA_DIR'>): string {
  return SPOOL_DIR ?? join(DATA_DIR, 'spool');
}
