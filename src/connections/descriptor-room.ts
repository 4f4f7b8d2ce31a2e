import { readdirSync, readFileSync } from 'node:fs';

/** What a request with a body may open beside its connection: a file of the spool, and one or a connection at its target. */
const EACH_UPLOAD = 2;
/** Far more than a process has open that serves nobody. */
const OF_THE_SERVICE = 512;
/** Counting is dear where there is much to count; in between, new connections are added. */
const COUNT_EVERY_MS = 100;
/** Most connections where there are descriptors for more; each costs some 20 KiB. */
const MOST_CONNECTIONS = 10_000;

/** What the operating system says of the file descriptors of this process. */
export interface DescriptorCount {
  /** Most that it may have open; Infinity where nobody says. */
  readonly limit: number;
  /** How many it has open. */
  open(): number;
}

/**
 * Tells whether there are file descriptors enough to take something on. When none is left, Node closes what connects
 * without a word, and whatever opens a file fails, the database included; so some are kept for what is under way.
 */
export class DescriptorRoom {
  private counted = 0;
  private countedAt = -Infinity;

  constructor(private readonly descriptors: DescriptorCount) {}

  get limit(): number {
    return this.descriptors.limit;
  }

  /** How many connections leave enough for what they bring. */
  get mostConnections(): number {
    return Math.min(MOST_CONNECTIONS, Math.floor((this.limit * 2) / 3));
  }

  /** Is there room for this new connection, when there are so many and so many uploads? */
  fitsConnection(connections: number, uploads: number): boolean {
    this.counted += 1;
    return this.left(connections, uploads) >= this.limit / 6;
  }

  /** Is there room for one more upload on a connection that is there? */
  fitsUpload(connections: number, uploads: number): boolean {
    return this.left(connections, uploads + 1) >= this.limit / 12;
  }

  /** Is there hardly one left, so that what connects next would be closed without an answer? */
  get isSpent(): boolean {
    return this.limit - this.open() < this.limit / 24;
  }

  /** Those under way may not have opened yet what they will. */
  private left(connections: number, uploads: number): number {
    const most = OF_THE_SERVICE + connections + uploads * EACH_UPLOAD;
    if (most * 2 < this.limit) return this.limit - most;
    return this.limit - this.open() - uploads * EACH_UPLOAD;
  }

  private open(): number {
    const now = performance.now();
    if (now - this.countedAt >= COUNT_EVERY_MS) {
      this.counted = this.count();
      this.countedAt = now;
    }
    return this.counted;
  }

  /** To look needs a descriptor too: where that fails, all are in use. */
  private count(): number {
    try {
      return this.descriptors.open();
    } catch {
      return this.limit;
    }
  }
}

/** Counts as Linux does in /proc; elsewhere there is no limit that we know of. */
export function processDescriptors(): DescriptorCount {
  return { limit: limitOfProcess(), open: () => readdirSync('/proc/self/fd').length };
}

function limitOfProcess(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return Infinity;
  }
}
