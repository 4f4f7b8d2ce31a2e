import { currentRequest, type RequestContext, runInRequestContext } from './request-context.js';
import type { Span, SpanAttributes } from './tracing.js';

/** Beside the contexts and not in them: these are written down with what was promised. */
const spans = new WeakMap<RequestContext, Span>();

/** Does `work` in a context that belongs to a span. */
export function runInSpan<T>(span: Span, context: RequestContext, work: () => T): T {
  spans.set(context, span);
  return runInRequestContext(context, work);
}

/** Says something of the span that is under way; nothing where there is none. */
export function annotateSpan(attributes: SpanAttributes): void {
  const context = currentRequest();
  if (context) spans.get(context)?.set(attributes);
}
