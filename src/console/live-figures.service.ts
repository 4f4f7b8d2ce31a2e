import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { DeadLetterBulk } from '../delivery/dead-letter-bulk.service.js';
import { type QueueReport, QueueView } from '../delivery/queue-view.service.js';

/** Whoever watches is not kept waiting for a database that does not answer. */
const PATIENCE_MS = 1_000;
/** What was read a moment ago still holds while it is read again. */
const MAX_AGE_MS = 5_000;
const MOST_REST_MS = 60_000;
/** So many times as long as the last reading took, the database is left alone: where much waits, it takes a while. */
const REST = 20;
const MOST_GROUPS = 10;

/** What is read of the database. Members are as on the wire. */
interface Figures {
  /** When that was. */
  readonly database_at: string;
  readonly queue: QueueReport;
  readonly dead_letters: object;
}

/** What the database says of queue and dead letters, for those who watch. */
@Injectable()
export class LiveFigures {
  private readonly logger = new Logger(LiveFigures.name);
  private reading: Promise<void> | undefined;
  private newest: Figures | undefined;
  private restUntilMs = -Infinity;
  private failing = false;

  constructor(
    private readonly queue: QueueView,
    private readonly letters: DeadLetterBulk,
  ) {}

  /** The newest; undefined where the database does not answer. Never fails. */
  async take(): Promise<Figures | undefined> {
    if (performance.now() >= this.restUntilMs) await this.readInTime();
    return performance.now() - this.restUntilMs < MAX_AGE_MS ? this.newest : undefined;
  }

  private async readInTime(): Promise<void> {
    // One reading at a time, however long it takes.
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    const patience = new AbortController();
    const late = sleep(PATIENCE_MS, undefined, { signal: patience.signal, ref: false }).catch(
      () => undefined,
    );
    await Promise.race([this.reading, late]);
    patience.abort();
  }

  private async read(): Promise<void> {
    const startedAtMs = performance.now();
    const at = new Date().toISOString();
    try {
      const [queue, deadLetters] = await Promise.all([this.queue.report(), this.deadLetters()]);
      this.newest = { database_at: at, queue, dead_letters: deadLetters };
      const readAtMs = performance.now();
      this.restUntilMs = readAtMs + Math.min(REST * (readAtMs - startedAtMs), MOST_REST_MS);
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn({ err: error }, 'those who watch are not told what the database knows');
      this.failing = true;
      this.newest = undefined;
    }
  }

  private async deadLetters(): Promise<object> {
    const groups = await this.letters.groups({});
    return {
      total: groups.reduce((sum, { count }) => sum + count, 0),
      groups: groups.slice(0, MOST_GROUPS).map(({ kind, reason, target, count, oldest }) => ({
        kind,
        reason,
        target,
        count,
        oldest_at: oldest.toISOString(),
      })),
    };
  }
}
