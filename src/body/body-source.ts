import type { Readable } from 'node:stream';

/*
 * The port to a body that can be sent more than once.
 *
 * One writer adds chunks as they come; any number of readers, each from an offset of its own, follow the growing
 * tail and all see the same bytes. A reader ends only after the writer's `end`, so that a body which turns out to
 * be bad never becomes a finished file at a target. The newest bytes are handed on from memory, without a way
 * over the disk; what leaves memory was written to a file before. So a slow reader or none at all does not hold
 * up the writer: the disk does, and readers that are hardly slower do for a moment. When the disk takes no more,
 * the body goes on without being replayable, at the pace of its slowest reader.
 *
 * Neither side destroys what is the other's: an aborted reader leaves the source and all other readers alone, and
 * whoever made the source disposes of it, at the end of every way.
 */

/** A name that the file with the bytes of a body was given where they are to be stored. */
export interface LinkedFile {
  /**
   * Resolves when all bytes have come, were found good and are in the file; with false, as soon as that is known, where it
   * will not have all of them: then it is of no use there, and whoever asked for the name removes it.
   * @throws the error of the writer when the body fails; the reason of the signal
   */
  whenWhole(): Promise<boolean>;
  /** Makes a whole file durable, with the bytes of the body and no others. @throws Error of the file system */
  sync(): Promise<void>;
}

/** What an attempt to send the body sees of it. */
export interface BodySource {
  /** Bytes that will come, where the client declared them; a promise of the client, not a fact. */
  readonly length?: number;
  /** Can every byte that came so far be read again? Once false it stays so. */
  readonly replayable: boolean;
  /**
   * A stream of the bytes from `offset` on, which must have come already, up to `end` or to the end of the body. It fails with the reason of `signal`
   * when that aborts, with the error of the writer when the body fails, and with SPOOL_FULL when the bytes at
   * `offset` are gone. Who opens it destroys it, also after a failure: one that is left lying about is waited for.
   * @throws RangeError when `offset` lies behind what came
   */
  open(offset: number, signal: AbortSignal, end?: number): Readable;
  /**
   * Gives the file that the bytes go to the name `path` as well, which nothing has, while they come; undefined where there is
   * no such file, as of a body that fits into memory, or the file system does not let it: then nothing has that name. The file
   * keeps it after the body was kept elsewhere or disposed of, and is not written again. May be repeated, with other names.
   * @throws the error of the writer when the body fails; the reason of `signal`
   */
  linkTo(path: string, signal: AbortSignal): Promise<LinkedFile | undefined>;
  /** So many bytes, from the first on, can be read again whatever comes: more may be lost when the disk takes no more. */
  readonly keptBytes: number;
  /** Bytes that came so far: what a reader that starts now at 0 gets without waiting for the client. */
  committedBytes(): number;
  /**
   * Removes the file and frees the memory; readers that are open fail. Resolves when nothing is left of it, and
   * never rejects. Harmless when repeated.
   */
  dispose(): Promise<void>;
}

/** What the one who receives the body does with it. */
export interface BodyWriter {
  /** Takes the next bytes, which must not be changed afterwards. After `fail` or `dispose` they are dropped. */
  write(chunk: Buffer): void;
  /** Settles when the next chunk may come; undefined when it may at once. Never rejects. */
  readonly whenWritable: Promise<void> | undefined;
  /**
   * The bytes from `position` on, as they lie in memory, where all that is not on the disk is.
   * @throws the error of the writer when the body has failed; SPOOL_FULL when memory does not have the first of them
   */
  heldFrom(position: number): Buffer[];
  /** Lets readers end: every byte has come and was found good. */
  end(): void;
  /** Fails every reader, now and later, with `error`, and frees what is held. Only the first call counts. */
  fail(error: Error): void;
}

/** A file that others may read while it is ours. */
export interface LentFile {
  /** Gives the descriptor, for bytes that were written; it stays open at least until `done` settles. */
  lend(done: Promise<void>): number;
}

/** Is told how the body gets on with the disk. */
export interface SpoolObserver {
  /** The first `bytes` of the body are in `file` now. */
  spooled(file: LentFile, bytes: number): void;
  /** The disk takes no more of it, once: it can be read as it comes, but not be kept. Memory still has what the file has not. */
  spoolFailed(error: Error): void;
}

/** What the one who answers for the body, after the client has left, does with it. */
export interface DurableBody {
  /**
   * Keeps the whole body, durably, as the file `path`, which nothing has, on the file system of the spool; only after
   * `end`. Its name is durable once its folder is synced; `onNamed`, which is waited for, may do that as soon as the file has
   * it. Readers that are open go on, and from then on `dispose` leaves
   * the file alone. When it fails nothing has that name once the body is disposed of. Only the first call counts.
   * @throws SPOOL_FULL when there is no room, or was none for a part of the body; INTERNAL_ERROR when the disk fails; the
   * error of the writer when the body has failed.
   */
  persist(path: string, onNamed?: () => Promise<void>): Promise<void>;
}
