import type { Readable } from 'node:stream';
import type { LinkedFile } from '../body/body-source.js';
import type { ContentDigest, BodyRanges } from './storage-element.js';

/** The bytes of a file that can be sent more than once. */
export interface ReplayableBody {
  /**
   * Bytes that will come, where the client declared them; a promise of the client, not a fact, until all have come. That
   * there are none is known before anybody reads it.
   */
  readonly length?: number;
  /** About how many bytes it has, where only that is known: a form says how long it is as a whole. */
  readonly expectedLength?: number;
  /** Can it be sent again from its first byte? */
  readonly replayable: boolean;
  /** All of it, where it is here whole, in memory. */
  readonly whole?: Buffer;
  /** A stream of all of it, which ends only when the whole upload has been parsed, counted and checked. */
  open(signal: AbortSignal): Readable;
  /** As that of `FileBody`. */
  linkTo?(path: string, signal: AbortSignal): Promise<LinkedFile | undefined>;
  /** Absent where it cannot be read again. */
  readonly ranges?: BodyRanges | undefined;
  /** What went through. @throws Error before the end, where it was not known before. */
  digest(): ContentDigest;
}
