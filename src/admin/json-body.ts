import type { IncomingMessage } from 'node:http';
import { departureOf } from '../errors/client-departure.js';
import type { ErrorCode } from '../errors/catalogue.js';
import { exceedsNesting } from '../errors/json-depth.js';
import { isStorable } from '../errors/json-text.js';
import { protocolFailureOf } from '../errors/protocol-failure.js';
import { ServiceError } from '../errors/service-error.js';

/** An operator's request is a sentence and a number. */
const MOST_BYTES = 16 * 1024;
const LONGEST_MS = 10_000;
/** What reads the members afterwards goes down by recursion. */
const MOST_LEVELS = 16;

/** What a route answers to a body that is not as it should be. */
export const BODY_PROBLEMS: readonly ErrorCode[] = [
  'VALIDATION_ERROR',
  'UNSUPPORTED_MEDIA_TYPE',
  'CLIENT_STALLED',
];

/**
 * Reads a body that is one JSON object; no body at all is an object without members.
 * @throws UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR, CLIENT_STALLED, CLIENT_CLOSED_REQUEST
 */
export async function readJsonObject(request: IncomingMessage): Promise<object> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  checkMediaType(request);
  const value = parse(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ServiceError('VALIDATION_ERROR', 'The body must be a JSON object.');
  if (exceedsNesting(value, MOST_LEVELS))
    throw new ServiceError('VALIDATION_ERROR', `The body has more than ${MOST_LEVELS} levels.`);
  if (!isStorable(value))
    throw new ServiceError(
      'VALIDATION_ERROR',
      'The body must hold neither NUL nor half of a surrogate pair.',
    );
  return value;
}

function checkMediaType({ headers }: IncomingMessage): void {
  const encoded = headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity';
  if (encoded || !/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? ''))
    throw new ServiceError(
      'UNSUPPORTED_MEDIA_TYPE',
      'The body must be application/json, without an encoding.',
    );
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new ServiceError('VALIDATION_ERROR', 'The body is not valid JSON.', { cause });
  }
}

/** By its events: to iterate over a request and stop in the middle would close the connection, unanswered. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = (error: ServiceError): void => {
    request.pause();
    reject(error);
  };
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > MOST_BYTES)
      stop(new ServiceError('VALIDATION_ERROR', `The body is larger than ${MOST_BYTES} bytes.`));
  };
  const onEnd = (): void => resolve(Buffer.concat(chunks));
  const onGone = (): void => stop(departureOf(request));
  const onLate = (): void => stop(new ServiceError('CLIENT_STALLED', 'The body did not come in time.'));
  const timer = setTimeout(onLate, LONGEST_MS);
  request.on('data', onData).once('end', onEnd).once('close', onGone).once('error', onGone);
  if (protocolFailureOf(request)) onGone();
  return promise.finally(() => {
    clearTimeout(timer);
    request.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
    // A connection that breaks while an error is being answered must not end the process.
    request.on('error', () => undefined);
  });
}
