import { asError } from '../../errors/as-error.js';
import { expectsContinue } from '../../errors/expect-continue.js';
import type { FileSink, Pump, UploadSink } from '../../ingest/upload-source.js';
import type { PaceLimits } from './client-pace.js';
import type { HttpExchange } from './http-exchange.js';
import type { RequestDigests } from './request-digests.js';
import { RequestReader } from './request-reader.js';

/** A request whose head was found good. */
export interface OpenedRequest {
  readonly pump: Pump;
  readonly digests: RequestDigests;
}

export interface RequestPump {
  readonly sink: Pick<UploadSink, 'received'>;
  readonly stop: AbortSignal;
  readonly pace: PaceLimits;
}

/**
 * Moves the body of a request into `consumer`, and resolves when all of it was taken.
 * @throws CLIENT_CLOSED_REQUEST, CLIENT_STALLED, what is wrong with the request, what `consumer` throws, the reason of `stop`
 */
export function pumpRequest(
  { request, response }: HttpExchange,
  consumer: FileSink,
  { sink, stop, pace }: RequestPump,
): Promise<void> {
  // RFC 9110 section 10.1.1: the client holds its body back until now; all that could refuse it has been checked.
  if (expectsContinue(request)) response.writeContinue();
  const reader = new RequestReader(request, consumer, pace, (bytes) => sink.received(bytes));
  stop.addEventListener('abort', () => reader.stop(asError(stop.reason)), { once: true });
  return reader.done;
}
