import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expectsContinue } from './expect-continue.js';

/** How long a client that is still sending is listened to, so that it comes to read our answer. */
const LINGER_MS = 5_000;

/**
 * Makes an answer that is given before the body was read to its end the last one of its connection: it says
 * `Connection: close`, our side is closed behind it, and what still comes is thrown away for a while (as nginx does with
 * `lingering_close`). To close at once would reset the connection, and the client could lose the answer that tells it
 * why; to go on reading would let anybody hold a connection for as long as he likes.
 */
export function closeUnlessRead(request: IncomingMessage, response: ServerResponse): void {
  if (!hasBody(request)) return;
  const { shouldKeepAlive } = response;
  response.shouldKeepAlive = false;
  request.once('end', () => (response.shouldKeepAlive = shouldKeepAlive));
  // Before Node's own listener, which ends the connection.
  response.prependOnceListener('finish', () => {
    if (!request.readableEnded && !awaitsContinue(request)) postponeEnd(request);
  });
}

/** Closes our side of a connection, and the whole of it when the other side has done so or after `LINGER_MS`. */
export function closeLingering(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end();
}

/** Does a body belong to the request (RFC 9112 section 6.3)? */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * A client that asked whether to go on, and was not told to, has sent nothing that we would have to wait for; unless it
 * went on all the same, as many do when they have waited for a second.
 */
function awaitsContinue(request: IncomingMessage): boolean {
  return expectsContinue(request) && request.readableFlowing === null && request.readableLength === 0;
}

/** Node calls `destroySoon` after the last answer of a connection; here once, and later than it would. */
function postponeEnd(request: IncomingMessage): void {
  const { socket } = request;
  const destroySoon = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    socket.destroySoon = destroySoon;
    request.once('end', () => socket.destroySoon()).resume();
    closeLingering(socket);
  };
}
