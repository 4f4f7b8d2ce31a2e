import type { Socket } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { problemOf } from '../errors/problem-response.js';
import { cappedText } from './capped-text.js';
import { clientAddress } from './client-address.js';
import { RefusalLines } from './refusal-lines.js';
import { currentRequest } from './request-context.js';
import { requestPath } from './request-path.js';

const CLIENT_CLOSED_REQUEST = 499;
const PROBES = /^\/health(?:\/|$)/i;
/** Statuses by which a caller is turned away: a bad token, no right, too much. */
const REFUSALS = new Set([401, 403, 413, 429]);

/** Bytes that a connection had carried when its last request was finished; the rest belongs to the next one. */
const countedBytes = new WeakMap<Socket, { in: number; out: number }>();

/**
 * Logs one line for each request when its connection is done with it, at `warn` for an answer of 5xx and at
 * `debug` for health probes. A request whose answer did not get out whole is logged as aborted. The line of a refusal
 * says why; of many refusals in one second the rest is counted.
 */
export function accessLog(
  logger: Logger,
): (request: Request, response: Response, next: NextFunction) => void {
  const refusals = new RefusalLines((leftOut) =>
    logger.info({ left_out: leftOut }, `${leftOut} more requests were refused within a second`),
  );
  return (request, response, next) => {
    const startedAt = performance.now();
    const context = currentRequest();
    // A connection that is closed has no address any more.
    const client = clientAddress(request);
    response.on('close', () => {
      const bytes = bytesOf(request.socket);
      const path = requestPath(request);
      const level = levelOf(path, response.statusCode);
      if (!logger.isLevelEnabled(level)) return;
      const refusal = refusalOf(response);
      if (refusal && !refusals.take()) return;
      logger[level](
        {
          // The listener runs outside of the request's own asynchronous context.
          request_id: context?.requestId,
          trace_id: context?.traceId,
          client_address: client,
          path: cappedText(path),
          ...outcomeOf(request, response),
          ...refusal,
          ...bytes,
          duration_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
        },
        response.writableFinished ? 'request finished' : 'request aborted',
      );
    });
    next();
  };
}

function levelOf(path: string, status: number): 'debug' | 'info' | 'warn' {
  if (PROBES.test(path)) return 'debug';
  return status >= 500 ? 'warn' : 'info';
}

function outcomeOf(request: Request, response: Response): Record<string, unknown> {
  return {
    method: request.method,
    status: response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST,
    subject: 'user' in request ? subjectOf(request.user) : undefined,
  };
}

/** Why the caller was turned away: the code of the problem and our own words, in which nothing of a token is. */
function refusalOf(response: Response): { code: string; reason: string } | undefined {
  const problem = problemOf(response);
  if (problem === undefined || !REFUSALS.has(problem.status)) return undefined;
  return { code: problem.code, reason: cappedText(problem.detail) };
}

/** Bytes on the wire since the last request of this connection, heads included. */
function bytesOf(socket: Socket): { bytes_in: number; bytes_out: number } {
  const before = countedBytes.get(socket) ?? { in: 0, out: 0 };
  const now = { in: socket.bytesRead, out: socket.bytesWritten };
  countedBytes.set(socket, now);
  return { bytes_in: now.in - before.in, bytes_out: now.out - before.out };
}

/** Who called, where the request came as far as being authenticated. */
function subjectOf(user: unknown): string | undefined {
  return typeof user === 'object' && user !== null && 'subject' in user && typeof user.subject === 'string'
    ? user.subject
    : undefined;
}
