import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestKeys } from '../support/tokens.js';
import type { KillDiary } from './kill-diary.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

/** Short, so that a round is not spent waiting: what they are in production changes nothing in the order of things. */
const IMPATIENCE = {
  NODE_ENV: 'development',
  STORAGE_COMMIT_TIMEOUT_MS: '1000',
  STORAGE_RETRY_BASE_MS: '20',
  STORAGE_RETRY_MAX_MS: '100',
  STORAGE_CIRCUIT_RECOVERY_MS: '300',
  STORAGE_CIRCUIT_MAX_RECOVERY_MS: '600',
  DELIVERY_BACKOFF_BASE_MS: '50',
  DELIVERY_BACKOFF_MAX_MS: '500',
  DELIVERY_POLL_MS: '100',
  DELIVERY_LEASE_MS: '2000',
  DELIVERY_LARGE_BYTES: '4000000',
  DELIVERY_MAX_ATTEMPTS: '1000',
  SPOOL_MIN_FREE_BYTES: '0',
  SPOOL_ORPHAN_AGE_MS: '3000',
  SPOOL_SWEEP_INTERVAL_MS: '500',
};

/** Before the sweep takes a file of a killed process for left, an hour passes. */
const TWO_HOURS_AGO = new Date(Date.now() - 2 * 3_600_000);

/** Replicas of the service on one spool folder, and one database where `DATABASE_URL` names it. */
export class KillReplicas {
  private readonly services: ServiceProcess[] = [];
  private readonly origins: string[] = [];
  private readonly frozen = new Set<string>();

  private constructor(
    readonly token: string,
    private readonly folder: string,
    private readonly variables: Record<string, string>,
    private readonly diary: KillDiary,
  ) {}

  static async start(
    count: number,
    variables: Record<string, string>,
    diary: KillDiary,
  ): Promise<KillReplicas> {
    const folder = await mkdtemp(join(tmpdir(), 'ingester-kill-'));
    const keys = await createTestKeys();
    const all = {
      ...IMPATIENCE,
      ...variables,
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
      SPOOL_DIR: join(folder, 'spool'),
    };
    const replicas = new KillReplicas(await keys.sign({ role: 'admin' }), folder, all, diary);
    await Promise.all(Array.from({ length: count }, (_, index) => replicas.restart(index)));
    return replicas;
  }

  /** Where one of the replicas listens, or listened; none that stands still, as who balances load sees soon. */
  get anyOrigin(): string {
    const moving = this.origins.filter((origin) => !this.frozen.has(origin));
    return moving[randomInt(moving.length)] ?? '';
  }

  async kill(index: number): Promise<void> {
    this.diary.note(`${this.origins[index]} is killed`);
    this.services[index]?.child.kill('SIGKILL');
    await this.services[index]?.exitCode();
  }

  /** Has it stand still, with all that it has open, until `thaw`. */
  freeze(index: number): void {
    const origin = this.origins[index] ?? '';
    this.diary.note(`${origin} is frozen`);
    this.frozen.add(origin);
    this.services[index]?.child.kill('SIGSTOP');
  }

  thaw(index: number): void {
    const origin = this.origins[index] ?? '';
    this.diary.note(`${origin} goes on`);
    this.services[index]?.child.kill('SIGCONT');
    this.frozen.delete(origin);
  }

  async restart(index: number): Promise<void> {
    const dataDir = join(this.folder, `replica-${index}`);
    await mkdir(dataDir, { recursive: true });
    const service = await startServiceProcess({ ...this.variables, DATA_DIR: dataDir });
    this.services[index] = service;
    this.origins[index] = `http://127.0.0.1:${await service.port()}`;
  }

  /** What the receipt of an upload says. */
  async statusOf(uploadId: string): Promise<unknown> {
    const headers = { Authorization: `Bearer ${this.token}` };
    const answer = await fetch(`${this.anyOrigin}/api/v1/files/${uploadId}`, { headers });
    const receipt: unknown = await answer.json();
    return typeof receipt === 'object' && receipt !== null && 'status' in receipt
      ? receipt.status
      : undefined;
  }

  /** Files that the spool holds for a delivery. */
  acceptedFiles(): Promise<string[]> {
    return readdir(join(this.folder, 'spool', 'accepted')).catch(() => []);
  }

  /** What is left in the spool once a restart has swept it, long after the last kill. */
  async leftOvers(): Promise<string[]> {
    const spool = join(this.folder, 'spool');
    const names = await readdir(spool);
    await Promise.all(names.map((name) => utimes(join(spool, name), TWO_HOURS_AGO, TWO_HOURS_AGO)));
    await this.kill(0);
    await this.restart(0);
    return (await readdir(spool)).filter((name) => name.endsWith('.spool'));
  }

  output(): string {
    return this.services.map((service) => service.output()).join('\n');
  }

  async dispose(): Promise<void> {
    await Promise.all(this.services.map((_, index) => this.kill(index)));
    await rm(this.folder, { recursive: true, force: true });
  }
}
