import type { Readable } from 'node:stream';
import type { LinkedFile } from '../body/body-source.js';

/*
 * The port to the place where files rest.
 *
 * A driver promises: `put` makes the whole file appear under its final name or nothing at all; it resolves
 * only when the element has acknowledged the file durably; when the body fails, or `signal` aborts before the
 * body has ended, the element is left without a finished file. A driver does not retry, choose another element
 * or check permissions. It stops reading the body when it fails, but never destroys it: that is its owner's.
 * Failures are `ServiceError`s: STORAGE_FAILED, STORAGE_TIMEOUT, STORAGE_FULL, with a `TargetFailure` as cause where more is known; an element whose ids are ours
 * answers CONFLICT when the id is taken.
 */

/** `temporary` files rest on an `edit` element, `permanent` ones on an `rw` element. */
export type RetentionPolicy = 'temporary' | 'permanent';

/** What is known of a file before its first byte is read. */
export interface FileDescription {
  /** Id that we ask the element to use; an element may choose its own. */
  readonly fileId: string;
  readonly originalFilename: string;
  readonly contentType: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  /** Numbers that JavaScript cannot hold are kept as text in it; `JSON.stringify` writes them as they came. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly retentionPolicy: RetentionPolicy;
  /** Days until the file expires; null for permanent files. */
  readonly ttlDays: number | null;
  readonly uploadedBy: string;
  readonly uploadedByUsername: string | null;
  readonly uploadedAt: Date;
}

/** Size in bytes and bare lower-case hex SHA-256 of a whole file. */
export interface ContentDigest {
  readonly size: number;
  readonly sha256: string;
}

/** What can be read once more of a body, apart from its stream, as often as need be. */
export interface BodyRanges {
  /** So many bytes, from the first on, stay readable; one after them may be gone as soon as `stream` has given it. */
  readonly keptBytes: number;
  /**
   * A stream of `bytes` bytes, one at least, from `from` on, which have come already. It fails as the body does, and with
   * SPOOL_FULL when they are gone. Who opens it destroys it.
   */
  read(from: number, bytes: number, signal: AbortSignal): Readable;
}

/** The bytes of a file on their way to an element. */
export interface FileBody {
  /**
   * All of them, in place of `stream`, where they are here whole and were found good: then one write does, and they may be
   * taken again. Undefined where they can only be read as a stream.
   */
  takeWhole(): Buffer | undefined;
  /**
   * Read once; it may come paused. Ends only when the whole upload has been parsed, counted and checked, and fails with a
   * `ServiceError` when it is bad; a driver that sees no end must not finish the file.
   */
  readonly stream: Readable;
  /**
   * In place of `stream`, for who stores on a disk of this machine: gives the file of ours that the bytes go to the name `path`
   * as well, which nothing has, so that nobody copies them. Undefined where there is no such file, or it is on another file
   * system: then nothing has that name, and the stream has all bytes.
   * @throws the error that the body failed with; the reason of `signal`
   */
  linkTo?(path: string, signal: AbortSignal): Promise<LinkedFile | undefined>;
  /** Absent where the bytes can be read once only. */
  readonly ranges?: BodyRanges | undefined;
  /** Bytes that will come, where the client declared them; a promise of the client, not a fact. */
  readonly length?: number;
  /** What went through. @throws Error before `stream` has ended or the linked file is whole, where it was not known before. */
  digest(): ContentDigest;
}

/**
 * Where it is written down how far an upload is, so that another attempt goes on with it, in this process or in another, after
 * a crash as well. The text is the driver's own. An upload that fails for now is left as it is, for that attempt.
 */
export interface UploadCheckpoint {
  /** What was saved last, by whichever attempt; undefined where nothing was. */
  load(): string | undefined;
  /** Called before anything is sent that is to be found again; undefined once there is nothing to go on with. */
  save(state: string | undefined): Promise<void>;
}

/** What an element says it has stored. */
export interface StoredFile {
  /** The element's own id of the file. */
  readonly fileId: string;
  readonly size: number;
  /** Absent where the element reports none. */
  readonly sha256?: string;
  readonly originalFilename?: string;
  readonly contentType?: string;
  readonly uploadedBy?: string;
  readonly uploadedAt?: Date;
  /** What else was said of it when it was stored; absent where the element does not give that back. */
  readonly remembered?: Pick<
    FileDescription,
    'description' | 'tags' | 'metadata' | 'retentionPolicy' | 'ttlDays'
  >;
}

/** An expected "no" is a value: an element that is down is reported, not thrown. */
export type ElementHealth =
  /** `remark`: what an operator may want to know all the same. */
  { readonly up: true; readonly remark?: string } | { readonly up: false; readonly reason: string };

/** What became of a file whose time is over, or of one that does not say when that is. */
export type ExpiryOutcome =
  | { readonly kind: 'removed'; readonly bytes: number }
  /**
   * `failed`: the time of the file is over, and it could not be removed; or a folder of many files could not be read.
   * `unreadable`: its record cannot be read. Such a file stays. `name` is the id of the file, or that of the folder.
   */
  | { readonly kind: 'failed' | 'unreadable'; readonly name: string; readonly error: unknown };

export interface StorageElement {
  readonly id: string;
  /** Does it store a file of no bytes? Where not, none is given to `put`. */
  readonly acceptsEmptyFiles: boolean;
  /**
   * @throws STORAGE_FAILED, STORAGE_TIMEOUT, STORAGE_FULL, CONFLICT, ADMIN_UNAVAILABLE where there is no token;
   * the error that `body.stream` failed with, CLIENT_CLOSED_REQUEST when it was closed without one,
   * VALIDATION_ERROR when it is not of its declared length; or the reason of `signal`. What ends an upload when the
   * element had all of it has a `TargetFailure` with the mark `bodySent` in its causes: the element may have the file all the
   * same. With `bodySent: false` it is certain that it has not, although the body may have been read to its end.
   * With a checkpoint, an upload that failed for now may be gone on with.
   */
  put(
    file: FileDescription,
    body: FileBody,
    signal: AbortSignal,
    checkpoint?: UploadCheckpoint,
  ): Promise<StoredFile>;
  /** The file, or undefined where the element has none of that id. @throws STORAGE_FAILED, STORAGE_TIMEOUT */
  stat(fileId: string): Promise<StoredFile | undefined>;
  /** Removes the file; no error where there is none. @throws STORAGE_FAILED, STORAGE_TIMEOUT */
  remove(fileId: string): Promise<void>;
  /**
   * Begins to remove what an upload has left of which nobody will save or load the checkpoint `state` any more; a file that was
   * made of it stays. Does not wait, and never fails: what cannot be removed is logged, and removed later. Absent where nothing
   * is ever left.
   */
  discard?(state: string): void;
  health(): Promise<ElementHealth>;
  /**
   * Makes ready what the element has on this machine, so that it is so before the first file; `put` does so where this has
   * failed. @throws STORAGE_FAILED
   */
  prepare?(): Promise<void>;
  /**
   * Removes the files whose time is over, one by one, until `signal` aborts; tells what became of each. Several processes
   * may do so at once. Absent where the element sees to that itself. @throws Error where it cannot look through them
   */
  removeExpired?(nowMs: () => number, signal: AbortSignal): AsyncIterable<ExpiryOutcome>;
  /** Closes what the driver opened. */
  close(): Promise<void>;
}
