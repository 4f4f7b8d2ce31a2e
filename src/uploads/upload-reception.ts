import type { IncomingMessage, ServerResponse } from 'node:http';
import { asError } from '../errors/as-error.js';
import { expectsContinue } from '../errors/expect-continue.js';
import { ServiceError } from '../errors/service-error.js';
import type { PaceLimits } from './client-pace.js';
import type { UploadInFlight } from './in-flight-uploads.service.js';
import type { BegunUpload } from './multipart-upload.js';
import { type BodyConsumer, RequestReader } from './request-reader.js';

/** How a request brings a file. */
export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly pace: PaceLimits;
  /** Hears of the bytes of the body that have come in all, each time that some do. What it throws ends the upload. */
  readonly onReceived?: (bytes: number) => void;
  /** Makes what takes the body; it calls `onBegun` when the first byte of the file may flow. */
  readonly openConsumer: (onBegun: (upload: BegunUpload) => void) => BodyConsumer;
}

/** An upload whose file is on its way in. */
export interface UploadUnderWay extends BegunUpload {
  /** Aborted when the upload has to stop; its reason is the error that counts. */
  readonly signal: AbortSignal;
  /** Aborted when the client has gone: nobody waits for what is then still to begin. */
  readonly departed: AbortSignal;
  /** Resolves when the whole request has come and was found good; rejects when it was bad, or has to stop. */
  readonly arrived: Promise<void>;
  /** Of an id that the caller chose. */
  readonly repeatable?: {
    /** Storage elements that could not be asked whether they have a file of this id already. */
    readonly unverified: readonly string[];
  };
}

/**
 * Reads a request and stores the file that it brings, side by side: `store` begins with the file's first byte, or at the
 * end of a file that has none, so that it knows which of the two it is.
 * Whichever fails first stops the other, and its error is the one that is thrown: a client that leaves ends the
 * outgoing call at once, and a `store` that gives up ends the reading. One that does not give up, although no storage
 * element takes the file, waits until all of it has arrived.
 */
export async function receive<T>(
  incoming: Incoming,
  inFlight: UploadInFlight,
  store: (upload: UploadUnderWay) => Promise<T>,
): Promise<T> {
  const { promise: begun, resolve, reject } = Promise.withResolvers<BegunUpload>();
  let upload: BegunUpload | undefined;
  const reader = readBody(incoming, (value) => {
    upload = value;
    void value.file.whenBegun.then(() => resolve(value));
  });
  const stop = (error: Error): void => {
    inFlight.abort(error);
    upload?.file.fail(error);
    reader.stop(error);
    reject(error);
  };
  inFlight.signal.addEventListener('abort', () => stop(asError(inFlight.signal.reason)), { once: true });
  reader.done.catch(stop);
  const departure = watchDeparture(incoming.response);
  try {
    const departed = departure.signal;
    return await store({ ...(await begun), signal: inFlight.signal, departed, arrived: reader.done });
  } catch (error) {
    stop(asError(error));
    throw inFlight.signal.reason;
  } finally {
    departure.forget();
    await upload?.file.dispose();
  }
}

/** Aborts when the client has gone, also once its whole request has come, until somebody says to forget it. */
function watchDeparture(response: ServerResponse): { signal: AbortSignal; forget: () => void } {
  const departure = new AbortController();
  const leave = (): void =>
    departure.abort(new ServiceError('CLIENT_CLOSED_REQUEST', 'The client closed the connection.'));
  if (response.destroyed) leave();
  else response.once('close', leave);
  return { signal: departure.signal, forget: () => response.off('close', leave) };
}

function readBody(incoming: Incoming, onBegun: (upload: BegunUpload) => void): RequestReader {
  const { request, response, pace, onReceived, openConsumer } = incoming;
  const consumer = openConsumer(onBegun);
  // RFC 9110 section 10.1.1: the client holds its body back until now; all that could refuse it has been checked.
  if (expectsContinue(request)) response.writeContinue();
  return new RequestReader(request, consumer, pace, onReceived);
}
