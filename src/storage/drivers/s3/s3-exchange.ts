import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { ServiceError } from '../../../errors/service-error.js';
import { commitTimeMs } from '../../commit-time.js';
import { ElementPace } from '../element-pace.js';
import { ExchangeTimer } from './exchange-timer.js';
import type { S3Answer } from './s3-answers.js';
import type { S3Limits } from './s3-settings.js';
import { transportFailure, withAnswerLost } from '../storage-failures.js';

/** A request as it goes out. */
export interface WireRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable | Buffer | undefined;
  /** Bytes of the file that the store has to be done with when it answers: with more it may take longer. */
  readonly bytes: number;
}

const UTF8 = new TextDecoder();

/** One request and its answer, on a connection. A body that is a stream is destroyed with it. */
export class S3Exchange implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<S3Answer>();
  readonly #over = new AbortController();
  readonly #timer = new ExchangeTimer((error) => this.#over.abort(error));
  readonly #chunks: Buffer[] = [];
  #pace: ElementPace | undefined;
  #head: Pick<S3Answer, 'status' | 'headers'> | undefined;
  #bytesTaken = 0;
  #isSent = false;

  constructor(
    private readonly request: WireRequest,
    private readonly limits: S3Limits,
  ) {
    this.#answer.promise.catch(() => undefined);
  }

  /**
   * Gives the answer, whatever its status.
   * @throws STORAGE_FAILED, STORAGE_TIMEOUT, marked `bodySent` where a payload went out whole; the failure of the body, or the
   * reason of `signal`
   */
  async run(dispatcher: Dispatcher, signal: AbortSignal): Promise<S3Answer> {
    const onAbort = (): void => this.#over.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#over.signal.addEventListener('abort', () => this.#answer.reject(this.#over.signal.reason), {
      once: true,
    });
    if (signal.aborted) onAbort();
    const { method, path, headers, body } = this.request;
    if (body instanceof Readable) body.once('error', (error) => this.#fail(error));
    if (!body) this.#limitAnswer();
    try {
      // Else undici gives up the connection after HEAD, for the sake of servers that answer it with a body.
      const reset = false;
      if (!signal.aborted) dispatcher.dispatch({ method, path, headers, body, reset }, this);
      return await this.#answer.promise;
    } catch (error) {
      throw this.#isSent && body ? withAnswerLost(error) : error;
    } finally {
      this.#timer.stop();
      this.#pace?.stop();
      signal.removeEventListener('abort', onAbort);
      if (body instanceof Readable) body.destroy();
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal } = this.#over;
    const abort = (): void => controller.abort(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#watchBody();
  }

  onBodySent(chunk: Uint8Array): void {
    this.#bytesTaken += chunk.length;
    this.#timer.refresh();
  }

  onRequestSent(): void {
    this.#isSent = true;
    this.#pace?.stop();
    // One without a payload has its time from the beginning.
    if (this.request.body) this.#limitAnswer();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Dispatcher.ResponseData['headers'],
  ): void {
    if (status < 200) return;
    this.#head = { status, headers };
    // undici stops sending once the answer is read, and closes the connection.
    if (!this.#isSent) this.#timer.limit(this.limits.requestMs, 'headers', 'finish its answer');
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    // A store that takes its time over a large file sends blanks until it is done.
    if (this.#isSent) this.#timer.refresh();
  }

  onResponseEnd(): void {
    if (!this.#head) return;
    const text = UTF8.decode(Buffer.concat(this.#chunks));
    this.#answer.resolve({ ...this.#head, text, bodySent: this.#isSent && this.request.body !== undefined });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // A refusal says enough, also where its text was cut off.
    if (this.#head && this.#head.status >= 400) this.onResponseEnd();
    else this.#fail(error);
  }

  /** What the body failed with is its own, and else it is the connection, which destroys the body with its error. */
  #fail(error: unknown): void {
    const isOwn = error instanceof ServiceError || error === this.#over.signal.reason;
    this.#answer.reject(isOwn ? error : transportFailure(error));
  }

  /** Its time begins when it has a connection: before that, others hold it up. */
  #watchBody(): void {
    const { body } = this.request;
    if (!body) return;
    this.#timer.limit(this.limits.stallMs, 'stall', 'take the file');
    if (!(body instanceof Readable)) return;
    const onTooSlow = (error: ServiceError): void => this.#over.abort(error);
    this.#pace = new ElementPace(body, () => this.#bytesTaken, this.limits, onTooSlow);
  }

  #limitAnswer(): void {
    const { bytes } = this.request;
    const { commitMs, requestMs } = this.limits;
    if (bytes > 0) this.#timer.limit(commitTimeMs(bytes, commitMs), 'commit', 'confirm the file');
    else this.#timer.limit(requestMs, 'headers', 'answer');
  }
}
