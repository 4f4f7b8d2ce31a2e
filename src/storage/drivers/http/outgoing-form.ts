import type { Readable } from 'node:stream';
import type { UploadTimeouts } from '../upload-timeouts.js';

/** Watches the time of one upload. */
export interface FormWatch {
  /** An answer has begun before the form had ended: the rest of the file is left unread. */
  answeredEarly(): void;
  /** The upload is over. */
  stop(): void;
}

/** A form on its way to an element. */
export interface OutgoingForm {
  readonly contentType: string;
  /** Bytes of the whole form; undefined where the length of the file is not known. */
  readonly contentLength: number | undefined;
  readonly body: Readable | Buffer;
  /** Was all of it handed over to a connection? Then the element may have the file. */
  readonly complete: boolean;
  /** Can another form be made of the same file? */
  readonly repeatable: boolean;
  /** All of it was handed over. */
  sent(): void;
  /** Calls `abort` with what ends the upload: a time that ran out, or a failure of the file. */
  watch(timeouts: UploadTimeouts, abort: (reason: unknown) => void): FormWatch;
  /** Nothing comes of it any more. */
  destroy(): unknown;
}
