import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from './parse-environment.js';
import { Database } from '../../src/database/database.service.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { DeliverySettings } from '../../src/delivery/delivery-settings.service.js';
import { TaskKinds } from '../../src/delivery/task-kinds.service.js';
import { TaskLedger } from '../../src/delivery/worker/task-ledger.service.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { GROUND_MODULES } from './ground-modules.js';

/** Database and tasks of one process, with the outbound interceptors around them and nothing above. */
export interface DeliveryFloor {
  readonly database: Database;
  readonly tasks: TaskLedger;
  readonly replicas: Replicas;
  readonly circuits: CircuitBreakers;
  readonly dataDir: string;
  close(): Promise<void>;
}

/** The lane of those tasks that need their file in the spool. */
export const FILE_LANE = 'with-file';

/** Starts both; without `DATABASE_URL` the database is SQLite, in a data folder of its own. */
export async function startDeliveryFloor(variables: Record<string, string> = {}): Promise<DeliveryFloor> {
  const dataDir = variables.DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'ingester-delivery-')));
  const environment = parseEnvironment({
    NODE_ENV: 'test',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'silent',
    ...variables,
  });
  const module = await Test.createTestingModule({
    imports: [configModule(environment), ...GROUND_MODULES, DatabaseModule],
    // Nobody works on the tasks, so that no kind has to be known.
    providers: [
      DeliverySettings,
      TaskLedger,
      Replicas,
      {
        provide: TaskKinds,
        useValue: { get: () => ({ reconciles: true }), needsFile: (lane: string) => lane === FILE_LANE },
      },
    ],
  }).compile();
  await module.init();
  return {
    database: module.get(Database),
    tasks: module.get(TaskLedger),
    replicas: module.get(Replicas),
    circuits: module.get(CircuitBreakers),
    dataDir,
    close: async () => {
      await module.close();
      if (variables.DATA_DIR === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
