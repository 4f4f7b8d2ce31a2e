import type { StoredDescription } from '../storage/stored-description.js';
import type { TaskRow } from './ledger/task-rows.js';

/**
 * The row of a task that nobody works on any more until an operator decides, or that was one once, with what is known of
 * its upload.
 */
export interface DeadLetter extends TaskRow {
  readonly owner: string;
  readonly description: StoredDescription;
  readonly size: number;
  readonly sha256: string;
  /** Its file in the spool; null where none is needed any more. */
  readonly spool_file: string | null;
  /** The spool that it lies in. */
  readonly file_spool: string | null;
  /** Where the file may be, although no answer said so. */
  readonly doubtful_targets: readonly string[];
}

/** One attempt at one target; what its end would have said is null where the process was killed meanwhile. */
export interface AttemptRow {
  readonly number: number;
  readonly target: string | null;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly status_code: number | null;
  readonly detail: string | null;
}

/** Who orders something to be done to dead letters, and why. */
export interface Order {
  /** The subject of the caller. */
  readonly who: string;
  readonly reason?: string;
}

/** What an operator did to it. */
export interface OrderRow {
  readonly at: number;
  readonly who: string;
  readonly action: string;
  readonly reason: string | null;
}

export interface DeadLetterHistory extends DeadLetter {
  /** Oldest first; the newest thousand. */
  readonly history: readonly AttemptRow[];
  readonly orders: readonly OrderRow[];
}

/** Which dead letters; what is not named does not matter. */
export interface DeadLetterFilter {
  readonly reason?: string;
  /** Name of a target; of a storage element, its id does as well. */
  readonly target?: string;
  readonly owner?: string;
  readonly kind?: string;
  /** Dead for longer, in milliseconds. */
  readonly olderThanMs?: number;
  /** Dead for less, in milliseconds. */
  readonly newerThanMs?: number;
}

export interface DeadLetterPage {
  /** Those that died last come first. */
  readonly letters: readonly DeadLetter[];
  /** Where the next page begins; null behind the last one. */
  readonly nextCursor: string | null;
}

/** Dead letters that died of the same thing. */
export interface DeadLetterGroup {
  readonly kind: string;
  readonly reason: string | null;
  /** The target that is to blame, where one is. */
  readonly target: string | null;
  /** HTTP status of the refusal that their last attempt ended with; null where it was none. */
  readonly refusedWith: number | null;
  readonly count: number;
  /** Of these, dead for less than a day. */
  readonly recent: number;
  readonly oldest: Date;
  readonly newest: Date;
}

/** Dead letters of a filter that died of the same thing. */
export type FilteredGroup = Pick<DeadLetterGroup, 'kind' | 'reason' | 'target' | 'count' | 'oldest'>;

/** What can be ordered for many. */
export type BulkAction = 'redeliver' | 'drop';

/** What an order over many would be about. */
export interface LetterPreview {
  readonly count: number;
  /** Of their files. */
  readonly bytes: number;
  readonly oldest: Date | null;
  /** The oldest. */
  readonly samples: readonly DeadLetter[];
  /** An order with it is about those that were dead now. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** An order to have many tried again. */
export interface RedeliveryOfMany extends Order {
  readonly filter: DeadLetterFilter;
  readonly limit: number;
  /** Of a preview; without it the order is about all that fit. */
  readonly token?: string | undefined;
}

/** An order to give many up. */
export interface DropOfMany extends RedeliveryOfMany {
  readonly token: string;
  readonly reason: string;
}

/** What an order to give many up did. */
export interface DropReport {
  readonly dropped: number;
  /** Those that were previewed and are still dead. */
  readonly remaining: number;
}

/** What an order over many dead letters did. */
export interface RedeliveryReport {
  readonly redelivered: number;
  /** Those that fit the filter and are still dead. */
  readonly remaining: number;
  /** When the last of them is tried, and the next such order is taken. */
  readonly spreadUntil: Date;
}
