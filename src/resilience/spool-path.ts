import { join } from 'node:path';
import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';

/** The folder of the spool. */
export function spoolPath(config: ConfigService<Environment, true>): string {
  return config.get('SPOOL_DIR', { infer: true }) ?? join(config.get('DATA_DIR', { infer: true }), 'spool');
}
