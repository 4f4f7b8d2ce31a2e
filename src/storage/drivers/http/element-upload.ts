import type { Dispatcher } from 'undici';
import { abortable } from '../../../outbound/abortable.js';
import { type ElementAnswer, retryAfterMsOf, transportFailure, withAnswerLost } from './element-errors.js';
import { storageFailed } from '../storage-failures.js';
import type { FormWatch, OutgoingForm } from './outgoing-form.js';
import type { UploadTimeouts } from './upload-timer.js';

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
  // Derived by hand: `AbortSignal.any` keeps every derived signal as long as its parent lives.
  const attempt = new AbortController();
  const onAbort = (): void => attempt.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const watch = form.watch(timeouts, (reason) => attempt.abort(reason));
  const exchange = new UploadExchange(form, watch, attempt.signal);
  try {
    dispatcher.dispatch({ method: 'POST', path, headers, body: form.body }, exchange);
    return await abortable(attempt.signal, exchange.answer);
  } catch (error) {
    form.destroy();
    throw form.complete ? withAnswerLost(error) : error;
  } finally {
    watch.stop();
    signal.removeEventListener('abort', onAbort);
  }
}

const UTF8 = new TextDecoder();

/** What happens to one upload on its connection. */
class UploadExchange implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<ElementAnswer>();
  readonly #chunks: Buffer[] = [];
  #head: Pick<ElementAnswer, 'status' | 'retryAfterMs'> | undefined;

  constructor(
    private readonly form: OutgoingForm,
    private readonly watch: FormWatch,
    private readonly signal: AbortSignal,
  ) {
    this.#answer.promise.catch(() => undefined);
  }

  /** @throws STORAGE_FAILED, STORAGE_TIMEOUT */
  get answer(): Promise<ElementAnswer> {
    return this.#answer.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const abort = (): void => controller.abort(reasonOf(this.signal));
    if (this.signal.aborted) return abort();
    this.signal.addEventListener('abort', abort, { once: true });
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
    if (!this.form.complete) this.watch.answeredEarly();
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

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
