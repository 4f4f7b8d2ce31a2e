import { type FilePart, MultipartFrame, type TextParts } from './multipart-frame.js';
import type { FormWatch, OutgoingForm } from './outgoing-form.js';
import type { UploadTimeouts } from '../upload-timeouts.js';
import { UploadTimer } from './upload-timer.js';

/** A form around a file that is here whole: it goes out in one write. */
export class WholeMultipart implements OutgoingForm {
  readonly contentType: string;
  readonly contentLength: number;
  readonly body: Buffer;
  readonly repeatable = true;
  #complete = false;
  #timer: UploadTimer | undefined;

  constructor(
    parts: TextParts,
    file: FilePart,
    private readonly whole: Buffer,
  ) {
    const { contentType, prefix, suffix } = new MultipartFrame(parts, file);
    this.contentType = contentType;
    this.body = Buffer.concat([prefix, whole, suffix]);
    this.contentLength = this.body.length;
  }

  get complete(): boolean {
    return this.#complete;
  }

  sent(): void {
    this.#complete = true;
    this.#timer?.taken(this.whole.length);
  }

  watch(timeouts: UploadTimeouts, abort: (reason: unknown) => void): FormWatch {
    this.#timer = new UploadTimer(timeouts, abort);
    return this.#timer;
  }

  destroy(): void {
    // Nothing is open.
  }
}
