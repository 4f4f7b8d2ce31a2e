import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { startEngine, stopEngine } from '../../src/delivery/database/engine.js';
import { PgliteDatabase } from '../../src/delivery/database/pglite-database.js';
import { onceARun } from './once-a-run.js';

/** The first start of PGlite, with all tables and queues, takes some seconds; a copy of it opens in half a second. */
async function fill(folder: string): Promise<void> {
  await stopEngine(await startEngine(await PgliteDatabase.open(join(folder, 'database'))));
}

/** Puts an embedded database that is ready where the service with this data folder looks for it. */
export async function copyPglite(dataDir: string): Promise<void> {
  await cp(await onceARun('pglite', fill), dataDir, { recursive: true });
}
