import type { Readable } from 'node:stream';
import { Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { Database } from '../database/database.service.js';
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
  findLetters,
  findOrders,
  groupLetters,
} from './dead-letters/letter-rows.js';
import { Replicas } from '../replicas/replicas.service.js';
import { TaskKinds } from './task-kinds.service.js';
import { UnfinishedUploads } from './unfinished-uploads.service.js';

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
    private readonly database: Database,
    private readonly kinds: TaskKinds,
    private readonly replicas: Replicas,
    private readonly unfinished: UnfinishedUploads,
  ) {}

  /** Up to `limit` dead letters, the newest first, from where `cursor` says. @throws VALIDATION_ERROR, QUEUE_UNAVAILABLE */
  async list(filter: DeadLetterFilter, limit: number, cursor?: string): Promise<DeadLetterPage> {
    this.kinds.refuseUnknown(filter.kind);
    const behind = cursor === undefined ? undefined : positionOf(cursor);
    if (!this.database.isUsed()) return { letters: [], nextCursor: null };
    const condition = conditionOf(filter, { behind });
    // One more tells whether there is another page.
    const found = await findLetters(this.database, condition, limit + 1);
    const letters = found.slice(0, limit);
    return { letters, nextCursor: found.length > limit ? cursorAfter(letters) : null };
  }

  /** One, with everything that happened to it, also when it is dead no more. @throws NOT_FOUND, QUEUE_UNAVAILABLE */
  async get(taskId: string): Promise<DeadLetterHistory> {
    const letter = await this.find(taskId);
    const [history, orders] = await Promise.all([
      findAttempts(this.database, taskId),
      findOrders(this.database, taskId),
    ]);
    return { ...letter, history, orders };
  }

  /**
   * Its file, damaged or not. @throws NOT_FOUND where there is none any more, CONFLICT where it lies in the spool of
   * another replica, QUEUE_UNAVAILABLE
   */
  async content(taskId: string): Promise<DeadLetterContent> {
    const letter = await this.find(taskId);
    const content =
      letter.spool_file === null ? undefined : await this.unfinished.files.content(letter.spool_file);
    if (content) return { letter, ...content };
    await this.refuseElsewhere(letter);
    throw new ServiceError('NOT_FOUND', 'The file of this dead letter is not here any more.');
  }

  /**
   * Gives one up for good, with its file. The upload is cancelled; where only what comes after the delivery was dead, it
   * stays stored.
   * @throws NOT_FOUND, CONFLICT when it is not dead, QUEUE_UNAVAILABLE
   */
  async drop(taskId: string, order: Order & { readonly reason: string }): Promise<void> {
    const letter = await changeLetter(this.database, taskId, async (tx, dead) => {
      await giveUp(tx, dead);
      await auditLetter(tx, dead, 'drop', order);
      return dead;
    });
    const facts = { task_id: taskId, upload_id: letter.upload_id, died_of: letter.reason };
    this.logger.log({ ...facts, by: order.who, reason: order.reason }, 'a dead letter is dropped');
    this.unfinished.discardOf(letter);
    if (letter.kind === 'delivery') await this.unfinished.files.removeSoon(letter.spool_file);
  }

  /** What they died of; within two seconds. @throws QUEUE_UNAVAILABLE */
  async statistics(): Promise<DeadLetterGroup[]> {
    if (!this.database.isUsed()) return [];
    return inTime(STATISTICS_MS, groupLetters(this.database, ONE_DAY_MS));
  }

  private async refuseElsewhere({ spool_file: file, file_spool: spoolId }: DeadLetter): Promise<void> {
    if (file === null || spoolId === null || spoolId === (await this.replicas.spoolId())) return;
    const known = this.replicas.knownSpool(spoolId);
    const where = known ? `; ${known.address} was the last to have it` : '';
    throw new ServiceError('CONFLICT', `The file of this dead letter lies in spool ${spoolId}${where}.`);
  }

  private async find(taskId: string): Promise<DeadLetter> {
    const letter = this.database.isUsed() ? await findLetter(this.database, taskId) : undefined;
    if (letter) return letter;
    throw noSuchLetter();
  }
}

function cursorAfter(letters: readonly DeadLetter[]): string | null {
  const { task_id: taskId, dead_at: deadAt } = letters.at(-1) ?? {};
  return taskId !== undefined && deadAt ? cursorOf({ taskId, deadAt }) : null;
}
