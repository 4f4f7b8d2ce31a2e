import { randomHex } from './random-ids.js';
import { currentRequest } from './request-context.js';

const SPAN_ID_BYTES = 8;

/**
 * The headers that tie a call to another service to the request being served: `X-Request-ID` and a `traceparent` with our span
 * that is under way, or where nothing is traced, a span id of its own for each call. Empty outside of a request.
 */
export function outboundHeaders(): Record<string, string> {
  const request = currentRequest();
  if (!request) return {};
  return {
    'X-Request-ID': request.requestId,
    traceparent: `00-${request.traceId}-${request.spanId ?? randomHex(SPAN_ID_BYTES)}-${request.traceFlags}`,
  };
}
