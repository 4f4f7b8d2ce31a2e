import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { createTestKeys } from '../support/tokens.js';

/** One process of the service, or several on one spool, which can be ended and killed. */
export class UploadReplicas {
  readonly #ports: number[] = [];
  readonly #services: ServiceProcess[] = [];

  private constructor(
    private readonly folder: string,
    private readonly variables: Record<string, string>,
    readonly token: string,
  ) {}

  /** `databaseUrl`: of PostgreSQL, for two of them; one has SQLite. */
  static async start(databaseUrl?: string): Promise<UploadReplicas> {
    const folder = await mkdtemp(join(tmpdir(), 'ingester-model-'));
    const keys = await createTestKeys();
    const variables = {
      NODE_ENV: 'development',
      DATA_DIR: folder,
      SPOOL_DIR: join(folder, 'spool'),
      SPOOL_MIN_FREE_BYTES: '0',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
      STORAGE_ELEMENTS: JSON.stringify([
        { id: 'edit-01', mode: 'edit', driver: 'local', path: join(folder, 'storage'), priority: 100 },
      ]),
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    };
    const now = Math.floor(Date.now() / 1000);
    const replicas = new UploadReplicas(folder, variables, await keys.sign({ exp: now + 86_400 }));
    for (let at = 0; at < (databaseUrl === undefined ? 1 : 2); at += 1) await replicas.#begin(at);
    return replicas;
  }

  get count(): number {
    return this.#services.length;
  }

  /** Any number names one of them. */
  portOf(at: number): number {
    return this.#ports[at % this.count] ?? 0;
  }

  /** Ends one as an operator does, or by a crash, and starts it again. */
  async restart(at: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const service = this.#services[at % this.count];
    service?.child.kill(signal);
    await service?.exitCode();
    await this.#begin(at % this.count);
  }

  /** What files were made of an upload. */
  async filesOf(uploadId: string): Promise<Buffer[]> {
    const paths = await readdir(join(this.folder, 'storage'), { recursive: true }).catch(() => []);
    const records = paths.filter((path) => basename(path) === `${uploadId}.json`);
    return Promise.all(records.map((record) => contentOf(join(this.folder, 'storage', record))));
  }

  async close(): Promise<void> {
    for (const service of this.#services) {
      service.child.kill('SIGKILL');
      await service.exitCode();
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #begin(at: number): Promise<void> {
    const service = await startServiceProcess(this.variables);
    this.#services[at] = service;
    this.#ports[at] = await service.port();
  }
}

async function contentOf(record: string): Promise<Buffer> {
  const { content } = JSON.parse(await readFile(record, 'utf8')) as { content: string };
  return readFile(join(dirname(record), content));
}
