import { Readable } from 'node:stream';

/** Bytes that wait for the storage element, per upload. More gains no speed, and every upload pays for it. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;

/** A Readable that is filled from outside: `add` what there is, and wait while it is full. */
export class FileStream extends Readable {
  private full: PromiseWithResolvers<void> | undefined;

  constructor() {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    // The reader may not have come yet, or be gone, when the upload fails: that must not end the process.
    this.on('error', () => undefined);
  }

  /** Settles when the reader has room again; undefined while it has. */
  get whenWanted(): Promise<void> | undefined {
    return this.full?.promise;
  }

  add(chunk: Buffer): void {
    if (!this.push(chunk)) this.full ??= Promise.withResolvers();
  }

  override _read(): void {
    this.full?.resolve();
    this.full = undefined;
  }
}
