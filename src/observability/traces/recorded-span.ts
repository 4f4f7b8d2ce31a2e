import { type Span as SdkSpan, SpanStatusCode } from '@opentelemetry/api';
import { runInSpan } from '../current-span.js';
import type { RequestContext } from '../request-context.js';
import type { Span, SpanAttributes } from '../tracing.js';

/** A span of the SDK, recorded or not. What comes after its end is not said of it. */
export class RecordedSpan implements Span {
  constructor(
    private readonly span: SdkSpan,
    private readonly context: RequestContext,
  ) {}

  run<T>(work: () => T): T {
    return runInSpan(this, this.context, work);
  }

  set(attributes: SpanAttributes): void {
    if (!this.span.isRecording()) return;
    for (const [name, value] of Object.entries(attributes))
      if (value !== undefined) this.span.setAttribute(name, value);
  }

  fail(type: string, isError: boolean): void {
    this.set({ 'error.type': type });
    if (isError && this.span.isRecording()) this.span.setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    if (this.span.isRecording()) this.span.end();
  }
}
