import { Worker } from 'node:worker_threads';
import type { PgliteAnswer, PgliteFailure, PgliteStart } from './pglite-messages.js';

/**
 * The calling thread's end of the thread that PGlite runs in. PGlite does not always answer: where the disk is too full
 * for the next file of its log, it computes for ever. A thread that takes too long is ended; what it has committed is
 * on the disk.
 */
export class PgliteThread {
  private readonly worker: Worker;
  private readonly ready = Promise.withResolvers<void>();
  private readonly waiting = new Map<number, PromiseWithResolvers<object[]>>();
  private lastId = 0;
  private failure: Error | undefined;

  private constructor(start: PgliteStart) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.worker = new Worker(new URL(`./pglite.worker.${extension}`, import.meta.url), {
      name: 'pglite',
      workerData: start,
      env: {},
      // Node 22 warns that its SQLite, which holds the lock, may change.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.worker.on('message', (message: PgliteAnswer) => this.hear(message));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', (code) => this.fail(new Error(`The thread of PGlite ended with code ${code}`)));
  }

  /** Opens the folder, or makes it. @throws Error when another process has it, or it cannot be used. */
  static async open(start: PgliteStart): Promise<PgliteThread> {
    const thread = new PgliteThread(start);
    try {
      await thread.ready.promise;
      return thread;
    } catch (error) {
      await thread.worker.terminate();
      throw error;
    }
  }

  /** True once the thread is gone; nothing can be asked any more. */
  get ended(): boolean {
    return this.failure !== undefined;
  }

  /**
   * Runs one statement, or without `values` several, and gives their rows. Statements run in the order of the calls; the
   * thread is ended where one is not done within `limitMs`.
   */
  async ask<Row>(limitMs: number, text: string, values?: readonly unknown[]): Promise<Row[]> {
    if (this.failure) throw this.failure;
    const answer = Promise.withResolvers<object[]>();
    this.lastId += 1;
    this.waiting.set(this.lastId, answer);
    this.worker.postMessage({ id: this.lastId, text, values });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- who wrote the statement knows its rows
    return (await this.limited(limitMs, answer.promise)) as Row[];
  }

  /** Writes everything to the disk, if that is done within `limitMs`, and ends the thread. Resolves when it is gone. */
  async close(limitMs: number): Promise<void> {
    if (!this.failure) {
      const ended = Promise.withResolvers<void>();
      this.worker.once('exit', () => ended.resolve());
      this.worker.postMessage('close');
      await this.limited(limitMs, ended.promise);
    }
    await this.worker.terminate();
  }

  private async limited<T>(limitMs: number, answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.fail(new Error(`PGlite did not answer within ${limitMs} ms`));
      void this.worker.terminate();
    }, limitMs);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  private hear(message: PgliteAnswer): void {
    switch (message.kind) {
      case 'ready':
        this.ready.resolve();
        break;
      case 'unusable':
        this.fail(errorOf(message.failure));
        break;
      case 'rows':
        this.settle(message.id)?.resolve(message.rows);
        break;
      case 'failed':
        this.settle(message.id)?.reject(errorOf(message.failure));
        break;
    }
  }

  private settle(id: number): PromiseWithResolvers<object[]> | undefined {
    const answer = this.waiting.get(id);
    this.waiting.delete(id);
    return answer;
  }

  private fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.ready.reject(error);
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

function errorOf({ message, fields }: PgliteFailure): Error {
  return Object.assign(new Error(message), fields);
}
