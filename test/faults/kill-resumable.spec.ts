import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { inLongRun, isLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { createTestKeys } from '../support/tokens.js';
import { ResumableClients } from './kill-resumable.js';

/** In the short form one process is killed twice, and of two replicas each is killed or frozen once. */
const ROUNDS = inLongRun(100, 2);
const CLIENTS = 4;
/** So long the clients may take to have more than one file each. */
const FILES_MS = 60_000;

describe('uploads in pieces, at processes that are killed or frozen', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  it.each([
    { name: 'one process', replicas: 1, spools: 1, freezes: false },
    { name: 'two replicas on one spool, one of which is frozen', replicas: 2, spools: 1, freezes: true },
    { name: 'two replicas with a spool each', replicas: 2, spools: 2, freezes: false },
    ...(isLongRun
      ? [
          { name: 'two replicas on one spool', replicas: 2, spools: 1, freezes: false },
          {
            name: 'two replicas with a spool each, one of which is frozen',
            replicas: 2,
            spools: 2,
            freezes: true,
          },
        ]
      : []),
  ])(
    'are never less than was told, and files once and whole ($name)',
    async ({ name, replicas, spools, freezes }) => {
      const folder = await mkdtemp(join(tmpdir(), 'ingester-kill-'));
      const storage = join(folder, 'storage');
      const keys = await createTestKeys();
      const variables = {
        NODE_ENV: 'development',
        DATA_DIR: folder,
        SPOOL_MIN_FREE_BYTES: '0',
        JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
        STORAGE_ELEMENTS: JSON.stringify(
          ['edit-01', 'edit-02'].map((id) => {
            return { id, mode: 'edit', driver: 'local', path: join(storage, id), priority: 100 };
          }),
        ),
        ...(replicas > 1 && { DATABASE_URL: await postgres.newPreparedDatabase() }),
      };
      const services: ServiceProcess[] = [];
      const origins: string[] = [];
      const start = async (index: number): Promise<void> => {
        const spool = join(folder, `spool-${index % spools}`);
        const service = await startServiceProcess({ ...variables, SPOOL_DIR: spool });
        services[index] = service;
        origins[index] = `http://127.0.0.1:${await service.port()}`;
      };
      await Promise.all(Array.from({ length: replicas }, (_, index) => start(index)));
      const token = await keys.sign({ sub: 'alice', role: 'user' });
      const clients = new ResumableClients(token, () => origins[randomInt(origins.length)] ?? '', CLIENTS);
      try {
        for (let round = 0; round < ROUNDS; round += 1) {
          await sleep(randomInt(200, 900));
          await eventually(() => Promise.resolve(expect(clients.areUnderWay).toBe(true)));
          const index = round % replicas;
          const { child } = services[index] as ServiceProcess;
          if (freezes && round % 2 === 0) {
            child.kill('SIGSTOP');
            await sleep(randomInt(200, 2_000));
            child.kill('SIGCONT');
            continue;
          }
          child.kill('SIGKILL');
          await start(index);
        }
        await eventually(
          () => Promise.resolve(expect(clients.completed.length).toBeGreaterThan(CLIENTS)),
          FILES_MS,
        );
        await clients.finish();
        const report = await clients.report(storage);
        const files = clients.completed.length;
        process.stdout.write(
          `kill test in pieces, ${name}: ${ROUNDS} rounds, ${files} files, ${clients.cuts} cuts, ${JSON.stringify(report)}\n`,
        );
        expect(clients.findings).toEqual([]);
        expect(report).toEqual({ lost: 0, doubled: 0, wrong: 0 });
      } finally {
        await clients.finish().catch(() => undefined);
        for (const service of services) {
          service.child.kill('SIGKILL');
          await service.exitCode();
        }
        await rm(folder, { recursive: true, force: true });
      }
    },
    inLongRun(900_000, 240_000),
  );
});
