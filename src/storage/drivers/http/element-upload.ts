import type { Dispatcher } from 'undici';
import { asError } from '../../../errors/as-error.js';
import { type ElementAnswer } from './element-errors.js';
import type { FormWatch, OutgoingForm } from './outgoing-form.js';
import type { UploadTimeouts } from '../upload-timeouts.js';
import { retryAfterMsOf, storageFailed, transportFailure, withAnswerLost } from '../storage-failures.js';

export interface UploadRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: OutgoingForm;
}

/**
 * Sends one upload and gives the answer, whatever its status. When the body fails or `signal` aborts, the socket
 * is destroyed at once, so that the element never sees the end of the file. After a failure or an early answer
 * the rest of the file is left unread.
 * @throws STORAGE_FAILED, STORAGE_TIMEOUT, the failure of the body, or the reason of `signal`; what ends an upload after
 * its last byte is marked `bodySent`
 */
export async function sendUpload(
  dispatcher: Dispatcher,
  { path, headers, form }: UploadRequest,
  timeouts: UploadTimeouts,
  signal: AbortSignal,
): Promise<ElementAnswer> {
  const exchange = new UploadExchange(form, timeouts);
  const onAbort = (): void => exchange.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    dispatcher.dispatch({ method: 'POST', path, headers, body: form.body }, exchange);
    return await exchange.answer;
  } catch (error) {
    form.destroy();
    throw form.complete ? withAnswerLost(error) : error;
  } finally {
    exchange.stop();
    signal.removeEventListener('abort', onAbort);
  }
}

const UTF8 = new TextDecoder();

/** What happens to one upload on its connection. */
class UploadExchange implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<ElementAnswer>();
  readonly #chunks: Buffer[] = [];
  readonly #watch: FormWatch;
  #head: Pick<ElementAnswer, 'status' | 'retryAfterMs'> | undefined;
  /** Undefined while it waits for its connection. */
  #request: Dispatcher.DispatchController | undefined;
  #abortion: Error | undefined;

  constructor(
    private readonly form: OutgoingForm,
    timeouts: UploadTimeouts,
  ) {
    this.#answer.promise.catch(() => undefined);
    this.#watch = form.watch(timeouts, (reason) => this.abort(reason));
  }

  /** @throws STORAGE_FAILED, STORAGE_TIMEOUT, the reason of `abort` */
  get answer(): Promise<ElementAnswer> {
    return this.#answer.promise;
  }

  /** Ends it at once, also while it waits for its connection. Only the first reason counts. */
  abort(reason: unknown): void {
    if (this.#abortion) return;
    this.#abortion = asError(reason);
    this.#answer.reject(reason);
    this.#request?.abort(this.#abortion);
  }

  /** Its time is not watched any more. */
  stop(): void {
    this.#watch.stop();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#request = controller;
    if (this.#abortion) controller.abort(this.#abortion);
  }

  onRequestSent(): void {
    this.form.sent();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Dispatcher.ResponseData['headers'],
  ): void {
    if (status < 200) return;
    this.#head = { status, retryAfterMs: retryAfterMsOf(headers) };
    // undici closes the connection once the answer is read, since the request was not finished.
    if (!this.form.complete) this.#watch.answeredEarly();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#settle(UTF8.decode(Buffer.concat(this.#chunks)));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#head && isRefusal(this.#head)) this.#settle('');
    else this.#answer.reject(transportFailure(error));
  }

  #settle(text: string): void {
    // Only now: an element may have read on after the head of its answer.
    const bodySent = this.form.complete;
    if (this.#head && (bodySent || isRefusal(this.#head))) {
      this.#answer.resolve({ ...this.#head, bodySent, text });
    } else {
      this.#answer.reject(storageFailed('The storage element confirmed the file before it was complete.'));
    }
  }
}

function isRefusal({ status }: Pick<ElementAnswer, 'status'>): boolean {
  return status >= 300;
}
