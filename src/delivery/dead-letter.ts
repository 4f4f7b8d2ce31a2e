import type { TaskState } from './ledger/task-rows.js';

/** A task that nobody works on any more until an operator decides, or that was one once. */
export interface DeadLetter {
  readonly taskId: string;
  readonly uploadId: string;
  readonly kind: string;
  /** `dead`, or what became of it since. */
  readonly state: TaskState;
  /** Why it died: an error code or a word of ours. */
  readonly reason: string | null;
  /** Where it was tried last. */
  readonly target: string | null;
  /** Where the file may be, although no answer said so. */
  readonly doubtfulTargets: readonly string[];
  readonly attempts: number;
  readonly owner: string;
  readonly originalFilename: string;
  readonly contentType: string;
  readonly retentionPolicy: string;
  readonly size: number;
  readonly sha256: string;
  /** Its file in the spool; null where none is needed any more. */
  readonly spoolFile: string | null;
  /** The spool that it lies in. */
  readonly spoolId: string | null;
  readonly deadAt: Date | null;
  readonly createdAt: Date;
  readonly deadline: Date;
}

/** One attempt at one target; what its end would have said is null where the process was killed meanwhile. */
export interface AttemptRecord {
  readonly number: number;
  readonly target: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly statusCode: number | null;
  readonly detail: string | null;
}

/** Who orders something to be done to dead letters, and why. */
export interface Order {
  /** The subject of the caller. */
  readonly who: string;
  readonly reason?: string;
}

/** What an operator did to it. */
export interface OrderRecord {
  readonly at: Date;
  readonly who: string;
  readonly action: string;
  readonly reason: string | null;
}

export interface DeadLetterHistory extends DeadLetter {
  /** Oldest first; the newest thousand. */
  readonly history: readonly AttemptRecord[];
  readonly orders: readonly OrderRecord[];
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

/** What an order over many dead letters did. */
export interface RedeliveryReport {
  readonly redelivered: number;
  /** Those that fit the filter and are still dead. */
  readonly remaining: number;
  /** When the last of them is tried, and the next such order is taken. */
  readonly spreadUntil: Date;
}
