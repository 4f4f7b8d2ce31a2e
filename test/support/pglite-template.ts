import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine, stopEngine } from '../../src/delivery/database/engine.js';
import { PgliteDatabase } from '../../src/delivery/database/pglite-database.js';

/** A database folder that is ready, so that only one test of many waits for the first start of PGlite. */
export interface PgliteTemplate {
  /** Puts a copy where the service with this data folder looks for it; opening it takes half a second. */
  copyTo(dataDir: string): Promise<void>;
  dispose(): Promise<void>;
}

/** Makes such a folder, with all tables and queues: some seconds. */
export async function makePgliteTemplate(): Promise<PgliteTemplate> {
  const home = await mkdtemp(join(tmpdir(), 'ingester-template-'));
  const folder = join(home, 'database');
  await stopEngine(await startEngine(await PgliteDatabase.open(folder)));
  return {
    copyTo: (dataDir) => cp(folder, join(dataDir, 'database'), { recursive: true }),
    dispose: () => rm(home, { recursive: true, force: true }),
  };
}
