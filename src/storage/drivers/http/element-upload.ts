import type { Dispatcher } from 'undici';
import { abortable } from '../../../outbound/abortable.js';
import {
  answerHead,
  type ElementAnswer,
  storageFailed,
  transportFailure,
  withAnswerLost,
} from './element-errors.js';
import type { OutgoingMultipart } from './outgoing-multipart.js';
import { UploadTimer, type UploadTimeouts } from './upload-timer.js';

export interface UploadRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: OutgoingMultipart;
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
  request: UploadRequest,
  timeouts: UploadTimeouts,
  signal: AbortSignal,
): Promise<ElementAnswer> {
  const { form } = request;
  // Derived by hand: `AbortSignal.any` keeps every derived signal as long as its parent lives.
  const attempt = new AbortController();
  const abort = (reason: unknown) => attempt.abort(reason);
  const onAbort = () => abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // An error that is not the file's own is undici's, and comes with the request.
  form.once('error', () => form.failure && abort(form.failure));
  const timer = new UploadTimer(form, timeouts, abort);
  try {
    return await abortable(attempt.signal, exchange(dispatcher, request, timer, attempt.signal));
  } catch (error) {
    throw form.complete ? withAnswerLost(error) : error;
  } finally {
    timer.stop();
    signal.removeEventListener('abort', onAbort);
    form.detach();
  }
}

async function exchange(
  dispatcher: Dispatcher,
  { path, headers, form }: UploadRequest,
  timer: UploadTimer,
  signal: AbortSignal,
): Promise<ElementAnswer> {
  const response = await send(dispatcher, { method: 'POST', path, headers, body: form, signal });
  const refused = response.statusCode >= 300;
  if (!form.complete) {
    // undici closes the connection once the answer is read, since the request was not finished.
    form.detach();
    timer.answeredEarly();
  }
  const text = await response.body.text().catch((error: unknown) => {
    if (refused) return '';
    throw transportFailure(error);
  });
  if (!refused && !form.complete) {
    throw storageFailed('The storage element confirmed the file before it was complete.');
  }
  return { ...answerHead(response), text, bodySent: form.complete };
}

async function send(
  dispatcher: Dispatcher,
  options: Dispatcher.RequestOptions,
): Promise<Dispatcher.ResponseData> {
  try {
    return await dispatcher.request(options);
  } catch (error) {
    throw transportFailure(error);
  }
}
