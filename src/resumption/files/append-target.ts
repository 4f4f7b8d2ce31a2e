import type { CollectedBytes } from '../../body/collected-bytes.js';

/** Where the bytes of one request go. */
export interface AppendTarget {
  /** Takes the next bytes, which must not be changed afterwards. */
  write(chunk: Buffer): void;
  /** Settles when the next bytes may come; undefined when they may at once. */
  readonly backPressure: Promise<void> | undefined;
  /** Resolves when all that came is there. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  flush(): Promise<void>;
}

/** The last bytes of a small upload: they stay in memory until its file is at its place. */
export class MemoryTarget implements AppendTarget {
  readonly backPressure = undefined;

  constructor(readonly collected: CollectedBytes) {}

  write(chunk: Buffer): void {
    this.collected.add(chunk);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}
