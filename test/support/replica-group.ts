import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/database/database.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { type RunningApp, startApp } from './app.js';
import { storedPaths } from './stored-files.js';

const replicasOf = ({ app }: RunningApp): Replicas => app.get(Replicas, { strict: false });

/** Replicas on one PostgreSQL that store at the same place, each with a spool of its own. */
export class ReplicaGroup {
  readonly running: RunningApp[] = [];

  private constructor(
    private readonly databaseUrl: string,
    private readonly folder: string,
  ) {}

  static async of(databaseUrl: string): Promise<ReplicaGroup> {
    return new ReplicaGroup(databaseUrl, await mkdtemp(join(tmpdir(), 'ingester-group-')));
  }

  /** Starts one more, on a spool of that name. Those that run learn of it with their next beat, unless `tellAll` is called. */
  async start(spool: string, variables: Record<string, string> = {}): Promise<RunningApp> {
    const path = join(this.folder, 'storage');
    const elements = [{ id: 'edit-01', mode: 'edit', driver: 'local', path, priority: 100 }];
    const running = await startApp({
      DATABASE_URL: this.databaseUrl,
      SPOOL_DIR: join(this.folder, spool),
      STORAGE_ELEMENTS: JSON.stringify(elements),
      ...variables,
    });
    this.running.push(running);
    await replicasOf(running).beat();
    return running;
  }

  /** Has each of them see all. */
  async tellAll(): Promise<void> {
    for (const running of this.running) await replicasOf(running).beat();
  }

  async stop(running: RunningApp): Promise<void> {
    this.running.splice(this.running.indexOf(running), 1);
    await running.close();
  }

  query({ app }: RunningApp, text: string, values: string[] = []): Promise<object[]> {
    return app.get(Database, { strict: false }).query(text, values);
  }

  /** The id of an upload that is at a replica of which only the rows know, so that it says nothing of itself. */
  async uploadAt(address: string): Promise<string> {
    const [running] = this.running;
    if (!running) throw new Error('no replica runs');
    const [uploadId, replicaId] = [randomUUID(), randomUUID()];
    await this.query(
      running,
      `INSERT INTO ingester.replicas (replica_id, version, address, spool_id, tells_uploads, started_at, last_seen_at)
      VALUES ($1, '1', $2, $3, 1, ingester.now_ms(), ingester.now_ms())`,
      [replicaId, address, replicaId],
    );
    await this.query(
      running,
      `INSERT INTO ingester.upload_epochs (upload_id, epoch, replica_id, spool_id, taken_at)
      VALUES ($1, 1, $2, $3, ingester.now_ms())`,
      [uploadId, replicaId, replicaId],
    );
    return uploadId;
  }

  async filesStored(): Promise<number> {
    return (await storedPaths(this.folder)).filter((path) => path.endsWith('.content')).length;
  }

  async close(): Promise<void> {
    for (const running of this.running) await running.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
