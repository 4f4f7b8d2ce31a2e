import { Injectable, Logger } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import type { TransactionSql } from '../database/sql.js';
import type {
  BulkAction,
  DeadLetter,
  DeadLetterFilter,
  DropOfMany,
  DropReport,
  FilteredGroup,
  LetterPreview,
} from './dead-letter.js';
import { auditLetter, giveUp } from './dead-letters/letter-changes.js';
import { conditionOf } from './dead-letters/letter-filter.js';
import {
  countLetters,
  findOldest,
  groupFiltered,
  lockLetters,
  sumLetters,
} from './dead-letters/letter-rows.js';
import { PREVIEW_MS, previewedAt, requireShown, tokenOf } from './dead-letters/preview-token.js';
import { ALL_LETTERS, timeOf } from './dead-letters/redelivery-pace.js';
import { Redelivery } from './dead-letters/redelivery.service.js';
import { insertAudit } from '../database/audit-rows.js';
import { TaskKinds } from './task-kinds.service.js';
import { UnfinishedUploads } from './unfinished-uploads.service.js';

const MOST_SAMPLES = 5;

/** Shows operators what an order over many dead letters is about, and gives many up at once. */
@Injectable()
export class DeadLetterBulk {
  private readonly logger = new Logger(DeadLetterBulk.name);

  constructor(
    private readonly database: Database,
    private readonly kinds: TaskKinds,
    private readonly redelivery: Redelivery,
    private readonly unfinished: UnfinishedUploads,
  ) {}

  /** Those that fit by kind, cause and target, the commonest first. @throws VALIDATION_ERROR, QUEUE_UNAVAILABLE */
  async groups(filter: DeadLetterFilter): Promise<FilteredGroup[]> {
    this.kinds.refuseUnknown(filter.kind);
    if (!this.database.isUsed()) return [];
    return groupFiltered(this.database, conditionOf(filter));
  }

  /** What an order would be about, with the oldest of them. @throws VALIDATION_ERROR, QUEUE_UNAVAILABLE */
  async preview(action: BulkAction, filter: DeadLetterFilter): Promise<LetterPreview> {
    this.kinds.refuseUnknown(filter.kind);
    if (!this.database.isUsed()) return nothingOf(action, filter);
    return this.database.transaction(async (tx) => {
      const nowMs = await timeOf(tx);
      const condition = conditionOf(filter, { asOfMs: nowMs });
      const sums = await sumLetters(tx, condition);
      const samples = await findOldest(tx, condition, MOST_SAMPLES);
      const token = tokenOf(action, filter, { atMs: nowMs, count: sums.count });
      return { ...sums, samples, token, expiresAt: new Date(nowMs + PREVIEW_MS) };
    });
  }

  /**
   * Gives up the oldest of those that were previewed, up to `limit` and never more than `DEAD_LETTER_REDELIVERY_MAX`, each as
   * `DeadLetters.drop` does.
   * @throws VALIDATION_ERROR; CONFLICT where something else was previewed, or too long ago; QUEUE_UNAVAILABLE
   */
  async drop(order: DropOfMany): Promise<DropReport> {
    this.kinds.refuseUnknown(order.filter.kind);
    if (!this.database.isUsed()) return { dropped: 0, remaining: 0 };
    const { letters, remaining } = await this.database.transaction((tx) => this.dropSome(tx, order));
    for (const letter of letters) await this.dispose(letter, order);
    return { dropped: letters.length, remaining };
  }

  private async dropSome(
    tx: TransactionSql,
    { filter, token, limit, who, reason }: DropOfMany,
  ): Promise<{ readonly letters: readonly DeadLetter[]; readonly remaining: number }> {
    const previewed = previewedAt(token, 'drop', filter, await timeOf(tx));
    const condition = conditionOf(filter, { asOfMs: previewed.atMs });
    requireShown(previewed, await countLetters(tx, condition));
    const letters = await lockLetters(tx, condition, Math.min(limit, this.redelivery.mostAtOnce));
    for (const letter of letters) {
      await giveUp(tx, letter);
      await auditLetter(tx, letter, 'drop', { who, reason });
    }
    if (letters.length > 0) {
      const data = { filter, dropped: letters.length };
      await insertAudit(tx, { who, reason, action: 'drop', subject: ALL_LETTERS, data });
    }
    return { letters, remaining: await countLetters(tx, condition) };
  }

  private async dispose(letter: DeadLetter, { who: by, reason }: DropOfMany): Promise<void> {
    const { task_id, upload_id, reason: died_of } = letter;
    this.logger.log({ task_id, upload_id, died_of, by, reason }, 'a dead letter is dropped');
    this.unfinished.discardOf(letter);
    if (letter.kind === 'delivery') await this.unfinished.files.removeSoon(letter.spool_file);
  }
}

/** Nothing was ever written down, and no database is opened for it. */
function nothingOf(action: BulkAction, filter: DeadLetterFilter): LetterPreview {
  const nowMs = Date.now();
  const token = tokenOf(action, filter, { atMs: nowMs, count: 0 });
  return { count: 0, bytes: 0, oldest: null, samples: [], token, expiresAt: new Date(nowMs + PREVIEW_MS) };
}
