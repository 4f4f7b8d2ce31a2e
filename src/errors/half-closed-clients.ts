import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { responseUnderWay } from './response-under-way.js';

/** How often something is sent to a client that has closed its side. Two sends show whether it has gone altogether. */
export const HALF_CLOSED_PROBE_MS = 500;

/**
 * Lets clients close their side behind a whole request and still have its answer, as `nc -N` and some HTTP libraries do.
 * One that has gone altogether looks the same until something is sent to it. So one that waits is sent `100 Continue`,
 * which a client of HTTP/1.1 has to read over (RFC 9110 section 15.2): it makes the system of one that has gone reset the
 * connection, and the next one meets that. A client that closes its side within a request has left, as ever.
 */
export function serveHalfClosedClients(server: Server): void {
  // Else Node closes our side with the client's. Its types do not know the property.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket: Socket) => socket.once('end', () => probe(socket)));
}

function probe(socket: Socket): void {
  const timer = setInterval(() => askOnToWait(socket), HALF_CLOSED_PROBE_MS);
  socket.once('close', () => clearInterval(timer));
}

/** An answer that has begun shows by its own bytes whether anybody is there. HTTP/1.0 has no interim answers. */
function askOnToWait(socket: Socket): void {
  const response = responseUnderWay(socket);
  if (response?.req.httpVersion === '1.1' && !response.headersSent) response.writeContinue();
}
