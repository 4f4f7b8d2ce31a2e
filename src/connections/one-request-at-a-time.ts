import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Most requests of a connection that wait for the answers before theirs. Browsers send none ahead, pools a few. */
export const MOST_WAITING = 32;

interface Waiting {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Has `serve` work on one request of a connection at a time; those that are sent ahead (RFC 9112 section 9.3.2) wait
 * until the answer before theirs is out. Node calls its listener for every request as soon as it is parsed, so that a few
 * kilobytes would start a thousand answers, and nobody ends those that are still to come when the connection ends.
 * `onFlood` gets the connection on which more than `MOST_WAITING` come ahead; it is closed.
 */
export function oneRequestAtATime(
  serve: RequestListener,
  onFlood: (socket: Socket) => void,
): RequestListener {
  /** What waits at each connection that is at work. */
  const queues = new WeakMap<Socket, Waiting[]>();

  function begin({ request, response }: Waiting): void {
    // After all who listen for the end of this one, such as the log, which counts the bytes of the connection.
    response.once('close', () => queueMicrotask(() => proceed(request.socket)));
    serve(request, response);
  }

  function proceed(socket: Socket): void {
    const next = queues.get(socket)?.shift();
    if (next && !socket.destroyed) begin(next);
    else queues.delete(socket);
  }

  return (request, response) => {
    const { socket } = request;
    const queue = queues.get(socket);
    if (!queue) {
      queues.set(socket, []);
      begin({ request, response });
    } else if (queue.length < MOST_WAITING) {
      queue.push({ request, response });
    } else if (!socket.destroyed) {
      onFlood(socket);
      destroyCheaply(socket);
    }
  };
}

/**
 * Node makes an error for each request of the connection when that closes. For a thousand of them, the stacks alone would
 * cost as much again as all else, and nobody reads them.
 */
function destroyCheaply(socket: Socket): void {
  const { stackTraceLimit } = Error;
  socket.prependOnceListener('close', () => (Error.stackTraceLimit = 0));
  socket.once('close', () => (Error.stackTraceLimit = stackTraceLimit));
  socket.destroy();
}
