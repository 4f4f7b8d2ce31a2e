import { finished, Readable } from 'node:stream';
import type { FileBody } from '../../storage-element.js';
import { ElementPace } from '../element-pace.js';
import { type FilePart, MultipartFrame, type TextParts } from './multipart-frame.js';
import type { FormWatch, OutgoingForm } from './outgoing-form.js';
import type { UploadTimeouts } from '../upload-timeouts.js';
import { UploadTimer } from './upload-timer.js';
import { bodyFailure, lengthFailure } from '../storage-failures.js';

/** The beginning of a body goes out together, so that a small file is one write. */
const GATHER_BYTES = 16 * 1024;

/** How long the beginning waits for more, in milliseconds: a slow client does not hold up the request itself. */
const GATHER_MS = 5;

/**
 * A `multipart/form-data` body (RFC 7578) around a file that is still arriving. The closing boundary is written
 * only after `body.stream` has ended as it should; when that fails, so does this stream, without a boundary.
 *
 * A plain Readable that takes `data` and hands on back-pressure: measured within 2 % of sending the bare file,
 * where an async generator costs twice the CPU time. It never destroys `body.stream`, which is its owner's.
 */
export class OutgoingMultipart extends Readable implements OutgoingForm {
  readonly contentType: string;
  /** Bytes of the whole body; undefined where the length of the file is not known. */
  readonly contentLength: number | undefined;
  readonly #suffix: Buffer;
  /** The beginning until it is handed over. */
  #gathered: Buffer[] | undefined;
  #gatheredBytes: number;
  #gatherTimer: NodeJS.Timeout | undefined;
  #started = false;
  #detached = false;
  #stopWatching: (() => void) | undefined;
  #bytesTaken = 0;
  #complete = false;
  #failure: Error | undefined;

  constructor(
    parts: TextParts,
    part: FilePart,
    private readonly file: FileBody,
  ) {
    super();
    const { contentType, prefix, suffix } = new MultipartFrame(parts, part);
    this.contentType = contentType;
    this.#gathered = [prefix];
    this.#gatheredBytes = prefix.length;
    this.#suffix = suffix;
    if (file.length !== undefined) this.contentLength = prefix.length + file.length + this.#suffix.length;
  }

  /** Bytes of the file that were read. */
  get bytesTaken(): number {
    return this.#bytesTaken;
  }

  /** Was the closing boundary handed over? */
  get complete(): boolean {
    return this.#complete;
  }

  /** While nothing was read of the file, it can be given to another. */
  get repeatable(): boolean {
    return this.#bytesTaken === 0;
  }

  get body(): this {
    return this;
  }

  sent(): void {
    // It knows by itself when its last byte was read.
  }

  watch(timeouts: UploadTimeouts, abort: (reason: unknown) => void): FormWatch {
    // A body that is read but has nothing to give is the client's business and never the element's.
    const timer = new UploadTimer(timeouts, abort, () => this.readableFlowing === true);
    const pace = new ElementPace(this, () => this.bytesTaken, timeouts, abort);
    // undici pauses the body with nearly every chunk.
    const onPause = (): void => timer.moved();
    const onEnd = (): void => {
      pace.stop();
      timer.taken(this.#bytesTaken);
    };
    // An error that is not the file's own is undici's, and comes with the request.
    this.once('error', () => this.#failure && abort(this.#failure));
    this.on('pause', onPause).once('end', onEnd);
    const stop = (): void => {
      this.off('pause', onPause).off('end', onEnd);
      pace.stop();
      timer.stop();
      this.detach();
    };
    return {
      stop,
      answeredEarly: () => {
        stop();
        timer.answeredEarly();
      },
    };
  }

  /** Stops reading the file for good and leaves its stream paused. */
  detach(): void {
    this.#detached = true;
    if (!this.#started) return;
    clearTimeout(this.#gatherTimer);
    this.#stopWatching?.();
    this.file.stream.off('data', this.#onData).pause();
  }

  override _read(): void {
    // It may be read on while the answer to a part of it comes; nothing more is taken from the file.
    if (this.#detached) return;
    if (this.#started) {
      this.file.stream.resume();
      return;
    }
    this.#started = true;
    this.#gatherTimer = setTimeout(() => this.#release(), GATHER_MS);
    // Tells of the end, and of every way in which a stream can fail, also of one that has failed already.
    this.#stopWatching = finished(this.file.stream, { writable: false }, (error) => {
      if (error) this.#fail(bodyFailure(error));
      else this.#end();
    });
    // One that comes paused does not begin by itself.
    this.file.stream.on('data', this.#onData).resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.detach();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytesTaken += chunk.length;
    if (this.file.length !== undefined && this.#bytesTaken > this.file.length) this.#failLength();
    else if (!this.#hand(chunk)) this.file.stream.pause();
  };

  #end(): void {
    if (this.destroyed || this.#failLength()) return;
    this.#complete = true;
    this.#hand(this.#suffix);
    this.#release();
    this.push(null);
  }

  /** Gives false when the reader has enough, as `push` does. */
  #hand(chunk: Buffer): boolean {
    if (!this.#gathered) return this.push(chunk);
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    return this.#gatheredBytes < GATHER_BYTES || this.#release();
  }

  #release(): boolean {
    clearTimeout(this.#gatherTimer);
    const gathered = this.#gathered;
    this.#gathered = undefined;
    return !gathered || this.push(Buffer.concat(gathered, this.#gatheredBytes));
  }

  #failLength(): boolean {
    const failure = lengthFailure(this.file, this.#bytesTaken);
    if (failure) this.#fail(failure);
    return failure !== undefined;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.destroy(error);
  }
}
