import { ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LINGER_MS } from './problem-response.js';
import { PROBLEM_MEDIA_TYPE, toProblem } from './problem.js';
import { ServiceError } from './service-error.js';

/** Connections that have their answer. The parser goes on complaining about everything that still comes. */
const answered = new WeakSet<Duplex>();

/**
 * Answers what Node's HTTP parser refuses, before there is a request that a filter could see: the listener of
 * the server's `clientError` event.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (answered.has(socket)) return;
  const pending = responseUnderWay(socket);
  // What came after a whole request is broken, not the request: it gets its own answer, and then we hang up.
  if (pending?.req.complete && !pending.headersSent) return void pending.setHeader('Connection', 'close');
  // ECONNRESET: nobody is there. A head that is out cannot be taken back: breaking off is all that is left.
  if (error.code === 'ECONNRESET' || !socket.writable || pending?.headersSent) return void socket.destroy();
  answered.add(socket);
  socket.end(answerTo(error));
  // As after any other answer, a client that is still sending is listened to, so that it comes to read this one.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

function answerTo(error: NodeJS.ErrnoException): string {
  const problem = toProblem(toProtocolError(error));
  const body = JSON.stringify(problem);
  return (
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
    `Content-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
    `Connection: close\r\n\r\n${body}`
  );
}

function toProtocolError({ code }: NodeJS.ErrnoException): ServiceError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ServiceError('HEADERS_TOO_LARGE', 'The request headers are larger than what is taken.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ServiceError('CLIENT_STALLED', 'The request headers did not come in time.');
  }
  return new ServiceError('MALFORMED_REQUEST', 'The request is not valid HTTP/1.1.');
}

/** Node keeps the response that a connection is at under this name, and so do its own docs on `clientError`. */
function responseUnderWay(socket: Duplex): ServerResponse | undefined {
  const response: unknown = Reflect.get(socket, '_httpMessage');
  return response instanceof ServerResponse ? response : undefined;
}
