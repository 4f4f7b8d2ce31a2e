import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { RunningApp } from '../support/app.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';

/** What became of one upload. */
export interface StormUpload {
  readonly sentSha256: string;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Longest pause of a client between two uploads: without one, nothing but the processor would be tested. */
const MAX_PAUSE_MS = 1_000;
const SMALLEST_BYTES = 1_000;
const LARGEST_BYTES = 32_000;

/** Clients that upload small files of all sizes, each one after the other, until the storm is ended. */
export class UploadStorm {
  readonly #uploads: StormUpload[] = [];
  readonly #pool: Pool;
  readonly #clients: Promise<unknown>;
  #ending = false;

  private constructor(running: RunningApp, token: string, clients: number) {
    this.#pool = new Pool(running.url, { connections: clients, pipelining: 1 });
    this.#clients = Promise.all(Array.from({ length: clients }, () => this.#run(token)));
    this.#clients.catch(() => undefined);
  }

  /** Begins as many uploads as there are `clients`, at once. */
  static async start(running: RunningApp, clients: number): Promise<UploadStorm> {
    return new UploadStorm(running, await running.token(), clients);
  }

  /** Uploads that have been answered. */
  get answered(): number {
    return this.#uploads.length;
  }

  /** Lets what is under way end, and gives all that was. */
  async end(): Promise<readonly StormUpload[]> {
    this.#ending = true;
    await this.#clients;
    return this.#uploads;
  }

  /** Cuts off what is under way. */
  async close(): Promise<void> {
    this.#ending = true;
    await this.#pool.destroy();
  }

  async #run(token: string): Promise<void> {
    while (!this.#ending) {
      this.#uploads.push(await this.#upload(token));
      await sleep(Math.random() * MAX_PAUSE_MS);
    }
  }

  async #upload(token: string): Promise<StormUpload> {
    const bytes = SMALLEST_BYTES + Math.floor(Math.random() * (LARGEST_BYTES - SMALLEST_BYTES));
    const content = randomBytes(bytes);
    const response = await this.#pool.request({
      method: 'POST',
      path: '/api/v1/files/upload',
      headers: { authorization: `Bearer ${token}`, 'content-type': MULTIPART_TYPE },
      body: multipart([filePart(content, 'a.bin')]),
    });
    const body = (await response.body.json()) as Record<string, unknown>;
    return { sentSha256: sha256(content), status: response.statusCode, body };
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
