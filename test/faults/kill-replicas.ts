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

/** How many processes there are, and what each has. */
export interface KillSetting {
  readonly replicaCount: number;
  /** Has each replica a spool folder of its own, which outlives its kills as a volume does? Else all share one. */
  readonly hasSpoolEach?: boolean;
}

type ReplicaVariables = Record<string, string> & { readonly DATA_DIR: string; readonly SPOOL_DIR: string };

/** Replicas of the service, and one database where `DATABASE_URL` names it. */
export class KillReplicas {
  private readonly services: ServiceProcess[] = [];
  private readonly origins: string[] = [];
  private readonly frozen = new Set<string>();

  private constructor(
    readonly token: string,
    private readonly folder: string,
    /** Of each replica. */
    private readonly variables: readonly ReplicaVariables[],
    private readonly diary: KillDiary,
  ) {}

  static async start(
    { replicaCount, hasSpoolEach = false }: KillSetting,
    variables: Record<string, string>,
    diary: KillDiary,
  ): Promise<KillReplicas> {
    const folder = await mkdtemp(join(tmpdir(), 'ingester-kill-'));
    const keys = await createTestKeys();
    const JWT_PUBLIC_KEY_FILE = await keys.publicKeyFile(folder);
    const all = Array.from({ length: replicaCount }, (_, index) => {
      const DATA_DIR = join(folder, `replica-${index}`);
      const SPOOL_DIR = join(hasSpoolEach ? DATA_DIR : folder, 'spool');
      return { ...IMPATIENCE, ...variables, JWT_PUBLIC_KEY_FILE, DATA_DIR, SPOOL_DIR };
    });
    const replicas = new KillReplicas(await keys.sign({ role: 'admin' }), folder, all, diary);
    await Promise.all(all.map((_, index) => replicas.restart(index)));
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
    const variables = this.variables[index];
    if (!variables) throw new Error(`there is no replica ${index}`);
    await mkdir(variables.DATA_DIR, { recursive: true });
    const service = await startServiceProcess(variables);
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

  /** Files that the spools hold for deliveries. */
  async acceptedFiles(): Promise<string[]> {
    const names = await Promise.all(
      this.differentSpools().map((spool) => readdir(join(spool, 'accepted')).catch(() => [])),
    );
    return names.flat();
  }

  /** What is left in the spools once restarts have swept them, long after the last kill. */
  async leftOvers(): Promise<string[]> {
    for (const path of await this.spooled()) await utimes(path, TWO_HOURS_AGO, TWO_HOURS_AGO);
    await Promise.all(
      this.services.map(async (_, index) => {
        await this.kill(index);
        await this.restart(index);
      }),
    );
    return (await this.spooled()).filter((path) => path.endsWith('.spool'));
  }

  output(): string {
    return this.services.map((service) => service.output()).join('\n');
  }

  async dispose(): Promise<void> {
    await Promise.all(this.services.map((_, index) => this.kill(index)));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async spooled(): Promise<string[]> {
    const paths = await Promise.all(
      this.differentSpools().map(async (spool) => (await readdir(spool)).map((name) => join(spool, name))),
    );
    return paths.flat();
  }

  private differentSpools(): string[] {
    return [...new Set(this.variables.map(({ SPOOL_DIR }) => SPOOL_DIR))];
  }
}
