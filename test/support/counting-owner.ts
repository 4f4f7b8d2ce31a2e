import { EarlySyncs } from '../../src/body/spooled/early-syncs.js';
import type { SpareFile } from '../../src/body/spooled/spool-file-pool.js';
import type { SpoolFileOwner } from '../../src/body/spooled/spool-file.js';

/** Takes account of the spool files of a test; keeps them as spare ones where it `savesFiles`. */
export class CountingOwner implements SpoolFileOwner {
  readonly earlySyncs = new EarlySyncs();
  bytes = 0;
  problems: unknown[] | undefined;
  readonly spares: SpareFile[] = [];

  constructor(private readonly savesFiles = false) {}

  take(bytes: number): void {
    this.bytes += bytes;
  }

  give(bytes: number): void {
    this.bytes -= bytes;
  }

  async spare(file: SpareFile): Promise<boolean> {
    if (this.savesFiles) this.spares.push(file);
    return this.savesFiles;
  }

  removed(_: unknown, problems: readonly unknown[]): void {
    this.problems = [...problems];
  }
}
