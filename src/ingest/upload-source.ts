import type { Caller } from '../auth/caller.js';
import type { DigestCheck } from '../body/digest-check.js';
import type { UploadFields } from './upload-fields.js';

/*
 * The seam between protocols and the pipeline: a protocol brings bytes, the pipeline does the rest. A protocol knows how
 * they come (forms, raw bodies, pieces), and nothing of what becomes of them; the pipeline knows no protocol.
 */

/** What is known of a file before its first byte. */
export interface FileHead {
  /** As the client gave it, not cleaned. */
  readonly filename?: string;
  readonly contentType: string;
  readonly fields: UploadFields;
  /** Bytes of the file that the client declared. */
  readonly length?: number;
  /** Bytes that are about to come, more or less, where only that is known. */
  readonly expectedLength?: number;
  /** Is shown the bytes of the file, and its SHA-256 at their end: the file becomes none unless that is good. */
  readonly digests?: DigestCheck | undefined;
}

/** Takes the bytes of one file in order. Whatever it throws, or rejects with, ends the upload. */
export interface FileSink {
  /** Takes the next bytes, which must not be changed afterwards. @throws FILE_TOO_LARGE */
  write(chunk: Buffer): void;
  /**
   * Settles when the next chunk may come; undefined when it may come at once. Rejects with UNSUPPORTED_MEDIA_TYPE,
   * INTERNAL_ERROR.
   */
  readonly backPressure: Promise<void> | undefined;
  /**
   * Once, when all bytes have come and all that came with them is good: only then the file can become one.
   * @throws DIGEST_MISMATCH, UNSUPPORTED_MEDIA_TYPE, INTERNAL_ERROR
   */
  end(): Promise<void>;
}

/** Where a protocol pushes what comes. */
export interface UploadSink {
  /** So many bytes have come in all, those that belong to no file included. @throws SPOOL_FULL */
  received(bytes: number): void;
  /** Begins the file, once. @throws UNSUPPORTED_MEDIA_TYPE */
  begin(head: FileHead): FileSink;
}

/**
 * Pushes all bytes into the sink, and resolves when they have come and were good. When `stop` aborts, it leaves what is
 * still to come alone and rejects.
 */
export type Pump = (sink: UploadSink, stop: AbortSignal) => Promise<void>;

/** What a protocol brings. */
export interface UploadSource {
  /** Labels metrics: one of few. */
  readonly protocol: string;
  readonly uploadId: string;
  /** Did the caller choose the id? Then the upload may be a repeated one, and what is stored is never withdrawn. */
  readonly idIsCallers: boolean;
  /** Was the id made of an idempotency key? Then a repeated upload is the same only with the same fields. */
  readonly isKeyed?: boolean;
  readonly caller: Caller;
  /** Bytes that will come, those that belong to no file included, where the client declared them. */
  readonly declaredBytes?: number;
  /** Does the client want its answer before the file is stored? */
  readonly wantsAsync: boolean;
  /** Aborts when nobody waits for the answer any more; its reason says why. */
  readonly clientGone: AbortSignal;
  /** Looks at all that is known before the first byte, and opens nothing. @throws what is wrong with it */
  open(): Pump;
}
