import type { NextFunction, Request, Response } from 'express';
import { problemOf } from '../errors/problem-response.js';
import { parseTraceParent } from '../observability/trace-parent.js';
import type { Span, SpanStart, Tracing } from '../observability/tracing.js';
import { comesFromTrustedProxy } from './http/trusted-proxy.js';

/** Requests that bring a file, or create an upload of one. Paths as they are when the version of the API is taken off. */
const UPLOADS: readonly (readonly [method: string, path: RegExp])[] = [
  ['POST', /^\/api\/files\/upload\/?(?:\?|$)/i],
  ['PUT', /^\/api\/files\/[^/?]+\/?(?:\?|$)/i],
  ['POST', /^\/api\/uploads\/?(?:\?|$)/i],
  ['PATCH', /^\/api\/uploads\/[^/?]+\/?(?:\?|$)/i],
];

/**
 * Middleware. Serves every upload within a span of its own, until its answer is out. `believesProxies`: a trusted proxy decides
 * by its `traceparent` whether it is recorded.
 */
export function uploadSpans(
  tracing: Tracing,
  believesProxies: boolean,
): (request: Request, response: Response, next: NextFunction) => void {
  return (request, response, next) => {
    const { method, url } = request;
    if (!UPLOADS.some(([known, path]) => method === known && path.test(url))) {
      next();
      return;
    }
    const span = tracing.begin('upload', {
      kind: 'server',
      parent: clientSpanOf(request, believesProxies),
      attributes: { 'http.request.method': method },
    });
    response.once('close', () => end(span, response));
    span.run(next);
  };
}

function clientSpanOf(request: Request, believesProxies: boolean): SpanStart['parent'] {
  const parent = parseTraceParent(request.headers.traceparent);
  return parent && { ...parent, decides: believesProxies && comesFromTrustedProxy(request) };
}

/** What a client does wrong is no error of a server's span (OpenTelemetry, semantic conventions for HTTP spans). */
function end(span: Span, response: Response): void {
  const problem = problemOf(response);
  if (response.headersSent) span.set({ 'http.response.status_code': response.statusCode });
  if (problem) span.fail(problem.code, problem.status >= 500);
  else if (!response.writableFinished) span.fail('CLIENT_CLOSED_REQUEST', false);
  span.end();
}
