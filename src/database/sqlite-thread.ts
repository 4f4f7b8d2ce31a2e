import { Worker } from 'node:worker_threads';
import { SqliteError } from './database-failure.js';
import type { SqlValue } from './sql.js';
import type { SqliteAnswer, SqliteFailure, SqliteStart } from './sqlite-messages.js';

/** The calling thread's end of the thread that SQLite runs in. */
export class SqliteThread {
  private readonly worker: Worker;
  private readonly ready = Promise.withResolvers<void>();
  private readonly waiting = new Map<number, PromiseWithResolvers<object[]>>();
  private lastId = 0;
  private failure: Error | undefined;

  private constructor(start: SqliteStart) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.worker = new Worker(new URL(`./sqlite.worker.${extension}`, import.meta.url), {
      name: 'sqlite',
      workerData: start,
      env: {},
    });
    this.worker.on('message', (message: SqliteAnswer) => this.hear(message));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', (code) => this.fail(new Error(`The thread of SQLite ended with code ${code}`)));
  }

  /** Opens the file, or makes it. @throws Error when another process has it, or it cannot be used. */
  static async open(start: SqliteStart): Promise<SqliteThread> {
    const thread = new SqliteThread(start);
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

  /** Runs one statement and gives its rows. Statements run in the order of the calls. */
  async ask<Row>(text: string, values: readonly SqlValue[] = [], isDurable?: boolean): Promise<Row[]> {
    if (this.failure) throw this.failure;
    const answer = Promise.withResolvers<object[]>();
    this.lastId += 1;
    this.waiting.set(this.lastId, answer);
    this.worker.postMessage({ id: this.lastId, text, values, isDurable });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- who wrote the statement knows its rows
    return (await answer.promise) as Row[];
  }

  /** Closes the file after what was asked before, and ends the thread. Resolves when it is gone. */
  async close(): Promise<void> {
    if (!this.failure) {
      const ended = Promise.withResolvers<void>();
      this.worker.once('exit', () => ended.resolve());
      this.worker.postMessage('close');
      await ended.promise;
    }
    await this.worker.terminate();
  }

  private hear(message: SqliteAnswer): void {
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

function errorOf({ message, errcode }: SqliteFailure): Error {
  return errcode === undefined ? new Error(message) : new SqliteError(message, errcode);
}
