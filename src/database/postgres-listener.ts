import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Client, type ClientConfig } from 'pg';

const RECONNECT_MS = 5_000;

/**
 * Hears what is said on channels of PostgreSQL, over a connection of its own. What is said while it is away is not heard,
 * nor is anything behind a pooler that lends connections for a transaction: who listens looks for himself now and then.
 */
export class PostgresListener {
  private readonly logger = new Logger(PostgresListener.name);
  private readonly stop = new AbortController();
  private client: Client | undefined;
  private readonly running: Promise<void>;

  constructor(
    private readonly config: ClientConfig,
    private readonly channel: string,
    private readonly hear: (message: string) => void,
  ) {
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.client?.end().catch(() => undefined);
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      await this.listen().catch((error: unknown) => {
        if (!signal.aborted) this.logger.warn({ err: error }, 'wake-ups of other processes are not heard');
      });
      await sleep(RECONNECT_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Resolves when the connection has ended. */
  private async listen(): Promise<void> {
    const client = new Client(this.config);
    this.client = client;
    const ended = Promise.withResolvers<void>();
    client.on('error', ended.reject);
    client.on('end', () => ended.resolve());
    // Nobody may wait for it when it breaks while it connects.
    ended.promise.catch(() => undefined);
    client.on('notification', ({ payload = '' }) => this.hear(payload));
    try {
      // Of a client that is ended while it connects, the driver tells that it has ended, and nothing else.
      await Promise.race([client.connect(), ended.promise]);
      await client.query(`LISTEN ${client.escapeIdentifier(this.channel)}`);
      if (!this.stop.signal.aborted) await ended.promise;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
