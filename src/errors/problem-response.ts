import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEM_MEDIA_TYPE, type Problem } from './problem.js';

/** How long a client that is still sending is listened to, so that it comes to read our answer. */
export const LINGER_MS = 5_000;

/**
 * Answers with a problem. A body that was not read to its end is answered with `Connection: close`, and what
 * still comes is thrown away for a while (as nginx does with `lingering_close`): closing at once would reset
 * the connection, and the client could lose the answer that tells it why.
 */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>>,
): void {
  const body = Buffer.from(JSON.stringify(problem));
  const unread = !request.readableEnded && hasBody(request);
  response.writeHead(problem.status, {
    ...headers,
    'Content-Type': PROBLEM_MEDIA_TYPE,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    ...(unread && { Connection: 'close' }),
  });
  // The answer is whole with this, but the connection is closed only by `end`.
  response.write(body);
  if (unread && !awaitsContinue(request)) linger(request, response);
  else response.end();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** A client that asked whether to go on, and was not told to, has sent nothing that we would have to wait for. */
function awaitsContinue(request: IncomingMessage): boolean {
  return request.headers.expect !== undefined && request.readableFlowing === null;
}

function discard(): void {}

function linger(request: IncomingMessage, response: ServerResponse): void {
  const end = (): void => {
    clearTimeout(timer);
    request.off('data', discard);
    response.end();
  };
  // Of an answer without a body, as to HEAD, nothing has gone out yet.
  response.flushHeaders();
  const timer = setTimeout(end, LINGER_MS);
  request.on('data', discard).once('end', end).once('close', end).once('error', end);
  request.resume();
}
