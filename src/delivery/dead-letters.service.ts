import type { Readable } from 'node:stream';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../resilience/clock.js';
import { DeliveryDatabase } from './database/delivery-database.service.js';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterHistory,
  DeadLetterPage,
  Order,
} from './dead-letter.js';
import { inTime } from './dead-letters/in-time.js';
import { auditLetter, changeLetter, giveUp, noSuchLetter } from './dead-letters/letter-changes.js';
import { cursorOf, positionOf } from './dead-letters/letter-cursor.js';
import { conditionOf } from './dead-letters/letter-filter.js';
import {
  findAttempts,
  findLetter,
  findOrders,
  groupLetters,
  selectLetters,
} from './dead-letters/letter-rows.js';
import { AcceptedFiles } from './spool/accepted-files.service.js';

/** The file of a dead letter, as it is on the disk. Who takes the stream destroys it. */
export interface DeadLetterContent {
  readonly letter: DeadLetter;
  readonly size: number;
  readonly stream: Readable;
}

const ONE_DAY_MS = 86_400_000;
/** Those who watch over us wait no longer. */
const STATISTICS_MS = 1_500;

/**
 * Shows what could not be delivered or registered, and why, until it is dropped. A database that was never used is not
 * opened for it.
 */
@Injectable()
export class DeadLetters {
  private readonly logger = new Logger(DeadLetters.name);

  constructor(
    private readonly database: DeliveryDatabase,
    private readonly files: AcceptedFiles,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Up to `limit` dead letters, the newest first, from where `cursor` says. @throws VALIDATION_ERROR, QUEUE_UNAVAILABLE */
  async list(filter: DeadLetterFilter, limit: number, cursor?: string): Promise<DeadLetterPage> {
    const behind = cursor === undefined ? undefined : positionOf(cursor);
    if (!this.database.isUsed()) return { letters: [], nextCursor: null };
    const condition = conditionOf(filter, this.clock.wallMs(), behind);
    // One more tells whether there is another page.
    const found = await selectLetters(await this.database.open(), condition, limit + 1);
    const letters = found.slice(0, limit);
    return { letters, nextCursor: found.length > limit ? cursorAfter(letters) : null };
  }

  /** One, with everything that happened to it, also when it is dead no more. @throws NOT_FOUND, QUEUE_UNAVAILABLE */
  async get(taskId: string): Promise<DeadLetterHistory> {
    const letter = await this.find(taskId);
    const database = await this.database.open();
    const [history, orders] = await Promise.all([
      findAttempts(database, taskId),
      findOrders(database, taskId),
    ]);
    return { ...letter, history, orders };
  }

  /** Its file, damaged or not. @throws NOT_FOUND where there is none any more, QUEUE_UNAVAILABLE */
  async content(taskId: string): Promise<DeadLetterContent> {
    const letter = await this.find(taskId);
    const content = await this.files.content(letter.uploadId);
    if (content) return { letter, ...content };
    throw new ServiceError('NOT_FOUND', 'The file of this dead letter is not here any more.');
  }

  /**
   * Gives one up for good, with its file. The upload is cancelled; where only what comes after the delivery was dead, it
   * stays stored.
   * @throws NOT_FOUND, CONFLICT when it is not dead, QUEUE_UNAVAILABLE
   */
  async drop(taskId: string, order: Order & { readonly reason: string }): Promise<void> {
    const { uploadId, kind, reason } = await changeLetter(this.database, taskId, async (tx, letter) => {
      const at = new Date(this.clock.wallMs());
      await giveUp(tx, letter, at);
      await auditLetter(tx, letter, 'drop', { ...order, at });
      return letter;
    });
    const facts = { task_id: taskId, upload_id: uploadId, died_of: reason };
    this.logger.log({ ...facts, by: order.who, reason: order.reason }, 'a dead letter is dropped');
    if (kind !== 'delivery') return;
    await this.files.remove(uploadId).catch((error: unknown) => {
      // The sweep finds it: its row promises it no more.
      this.logger.warn({ ...facts, err: error }, 'a dropped file stays in the spool for now');
    });
  }

  /** What they died of; within two seconds. @throws QUEUE_UNAVAILABLE */
  async statistics(): Promise<DeadLetterGroup[]> {
    if (!this.database.isUsed()) return [];
    const recentSince = new Date(this.clock.wallMs() - ONE_DAY_MS);
    return inTime(
      STATISTICS_MS,
      this.database.open().then((database) => groupLetters(database, recentSince)),
    );
  }

  private async find(taskId: string): Promise<DeadLetter> {
    const letter = this.database.isUsed() ? await findLetter(await this.database.open(), taskId) : undefined;
    if (letter) return letter;
    throw noSuchLetter();
  }
}

function cursorAfter(letters: readonly DeadLetter[]): string | null {
  const { taskId, deadAt } = letters.at(-1) ?? {};
  return taskId !== undefined && deadAt ? cursorOf({ taskId, deadAt }) : null;
}
