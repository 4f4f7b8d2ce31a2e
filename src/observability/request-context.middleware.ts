import type { NextFunction, Request, Response } from 'express';
import { randomHex, uuidV7 } from './random-ids.js';
import { type RequestContext, runInRequestContext } from './request-context.js';
import { parseTraceParent } from './trace-parent.js';

/** What we take from a client as its request id: it is logged and sent on, so it must be short and plain. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const TRACE_ID_BYTES = 16;

/**
 * Runs the rest of the request in its `RequestContext`, and answers with the `X-Request-ID` that its log lines
 * carry. `res.locals.traceId` is what an error answer names as `trace_id`.
 */
export function requestContext(request: Request, response: Response, next: NextFunction): void {
  const context = contextOf(request);
  request.id = context.requestId;
  response.locals.traceId = context.traceId;
  response.setHeader('X-Request-ID', context.requestId);
  runInRequestContext(context, next);
}

function contextOf({ headers }: Request): RequestContext {
  const given = headers['x-request-id'];
  const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : uuidV7();
  const parent = parseTraceParent(headers.traceparent);
  return {
    requestId,
    traceId: parent?.traceId ?? randomHex(TRACE_ID_BYTES),
    traceFlags: parent?.traceFlags ?? '00',
  };
}
