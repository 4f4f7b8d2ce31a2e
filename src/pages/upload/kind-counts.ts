import type { UploadState } from './words.js';

type Kind = UploadState['kind'];

/** How many files are in a state of each kind; it is kept as they change, since there may be thousands. */
export class KindCounts {
  private readonly counts = new Map<Kind, number>();

  /** A file goes from one kind to another; it has none before it is added, and none once it is removed. */
  move(from: Kind | undefined, to: Kind | undefined): void {
    if (from !== undefined) this.counts.set(from, this.of(from) - 1);
    if (to !== undefined) this.counts.set(to, this.of(to) + 1);
  }

  of(kind: Kind): number {
    return this.counts.get(kind) ?? 0;
  }
}
