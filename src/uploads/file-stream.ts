import { Readable } from 'node:stream';

/** Bytes that wait for the storage element, per upload. More gains no speed, and every upload pays for it. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;

/** A Readable that is filled from outside: `push` what there is, and ask to be told when more is wanted. */
export class FileStream extends Readable {
  private onWanted: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    // The reader may not have come yet, or be gone, when the upload fails: that must not end the process.
    this.on('error', () => undefined);
  }

  /** Calls `callback` once, when the reader has room again. */
  whenWanted(callback: () => void): void {
    this.onWanted = callback;
  }

  override _read(): void {
    const callback = this.onWanted;
    this.onWanted = undefined;
    callback?.();
  }
}
