import type { Caller } from '../auth/caller.js';
import type { Digest } from '../body/digest-check.js';
import type { FileHead, FileSink } from '../ingest/upload-source.js';
import type { UploadResult } from '../ingest/upload-result.js';
import type { UploadKind } from './files/upload-info.js';

/** What a protocol creates. */
export interface NewUpload {
  readonly uploadId: string;
  /** Labels metrics, and says who serves the upload: one of few. */
  readonly protocol: string;
  readonly caller: Caller;
  readonly kind: UploadKind;
  /** The uploads that a joined one consists of, in their order; none for others. */
  readonly parts?: readonly string[];
  readonly head: Omit<FileHead, 'digests'>;
  /** Digests of the whole file that are declared. */
  readonly digests?: readonly Digest[] | undefined;
  /** Is it complete only when a request says so, and not by its length alone? */
  readonly endsWhenTold?: boolean | undefined;
  /** What the protocol wants to find again. */
  readonly note: Readonly<Record<string, string>>;
  /** Was the id made for this request, so that nobody can have sent a file under it? */
  readonly isIdNew?: boolean | undefined;
  /**
   * Bytes of the body that the creation brings, where nobody is told of the upload, or knows its id, before they are here. If they
   * are a small file as a whole, nothing is on the disk of it before it is at its place.
   */
  readonly unseenBytes?: number | undefined;
}

/** An upload as it is now. */
export interface UploadState {
  readonly uploadId: string;
  readonly protocol: string;
  readonly kind: UploadKind;
  /** Bytes that are here: a promise, they need never be sent again. */
  readonly offset: number;
  /** Bytes of the whole file, where they are known. */
  readonly length: number | undefined;
  /** Have all bytes come? */
  readonly isComplete: boolean;
  /** What became of its file, once that is known. */
  readonly result: UploadResult | undefined;
  /** When it is given up unless more bytes come, in milliseconds since 1970; undefined for a complete one. */
  readonly expiresAtMs: number | undefined;
  readonly note: Readonly<Record<string, string>>;
}

/** Checks the bytes of one request, all of which count only when it is content. */
export interface BodyCheck {
  update(chunk: Buffer): void;
  /** Once, when all bytes have come. @throws DIGEST_MISMATCH, VALIDATION_ERROR */
  verify(): void;
}

/**
 * Pushes the bytes of one request into the sink, and resolves when all have come. When `stop` aborts, it leaves what is still to
 * come alone and rejects. @throws CLIENT_CLOSED_REQUEST, CLIENT_STALLED, what the sink throws, the reason of `stop`
 */
export type AppendPump = (sink: FileSink, stop: AbortSignal) => Promise<void>;

/** The bytes of one request. */
export interface Append {
  /** Bytes that will come, where they are declared. */
  readonly declaredBytes: number | undefined;
  /** The bytes of the whole file, where they are known from now on. */
  readonly length?: number | undefined;
  /** Is the upload complete with the last of these bytes, whatever its length was said to be? */
  readonly isLast: boolean;
  /** What becomes of an upload that is sent more than its length: it ends, or goes on from where it was. */
  readonly onOverflow: 'end' | 'go-on';
  readonly check?: BodyCheck | undefined;
  /** Digests of the whole file that are declared with its last bytes, or behind them. @throws what is wrong with them */
  readonly digests?: (() => readonly Digest[]) | undefined;
  readonly pump: AppendPump;
  /** Told while bytes come, now and then: so many bytes of the upload are durable, and need never be sent again. */
  readonly onSynced?: ((offset: number) => void) | undefined;
}

/** Who brings bytes, and how he wants his answer. */
export interface Bringer {
  readonly caller: Caller;
  /** Does he want his answer before the file is stored? */
  readonly wantsAsync: boolean;
  /** Aborts when nobody waits for the answer any more; its reason says why. */
  readonly clientGone: AbortSignal;
}
