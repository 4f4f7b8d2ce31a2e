import type { Socket } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { currentRequest } from './request-context.js';
import { requestPath } from './request-path.js';

const CLIENT_CLOSED_REQUEST = 499;
const PROBES = /^\/health(?:\/|$)/i;

/** Bytes that a connection had carried when its last request was finished; the rest belongs to the next one. */
const countedBytes = new WeakMap<Socket, { in: number; out: number }>();

/**
 * Logs one line for each request when its connection is done with it, at `warn` for an answer of 5xx and at
 * `debug` for health probes. A request whose answer did not get out whole is logged as aborted.
 */
export function accessLog(
  logger: Logger,
): (request: Request, response: Response, next: NextFunction) => void {
  return (request, response, next) => {
    const startedAt = performance.now();
    const context = currentRequest();
    response.once('close', () => {
      const level = levelOf(request, response);
      if (!logger.isLevelEnabled(level)) return;
      logger[level](
        {
          // The listener runs outside of the request's own asynchronous context.
          request_id: context?.requestId,
          trace_id: context?.traceId,
          ...outcomeOf(request, response),
          duration_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
        },
        response.writableFinished ? 'request finished' : 'request aborted',
      );
    });
    next();
  };
}

function levelOf(request: Request, response: Response): 'debug' | 'info' | 'warn' {
  if (PROBES.test(requestPath(request))) return 'debug';
  return response.statusCode >= 500 ? 'warn' : 'info';
}

function outcomeOf(request: Request, response: Response): Record<string, unknown> {
  const bytes = bytesOf(request.socket);
  return {
    method: request.method,
    path: requestPath(request),
    status: response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST,
    bytes_in: bytes.in,
    bytes_out: bytes.out,
    subject: 'user' in request ? subjectOf(request.user) : undefined,
  };
}

/** Bytes on the wire since the last request of this connection, heads included. */
function bytesOf(socket: Socket): { in: number; out: number } {
  const before = countedBytes.get(socket) ?? { in: 0, out: 0 };
  const now = { in: socket.bytesRead, out: socket.bytesWritten };
  countedBytes.set(socket, now);
  return { in: now.in - before.in, out: now.out - before.out };
}

/** Who called, where the request came as far as being authenticated. */
function subjectOf(user: unknown): string | undefined {
  return typeof user === 'object' && user !== null && 'subject' in user && typeof user.subject === 'string'
    ? user.subject
    : undefined;
}
