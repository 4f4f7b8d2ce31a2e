import { AsyncLocalStorage } from 'node:async_hooks';

/** What binds the log lines and outgoing calls of one incoming request together. It is written down with what is promised. */
export interface RequestContext {
  /** Id that the client sent, or a new one; logged, returned and sent on as `X-Request-ID`. */
  readonly requestId: string;
  /** W3C trace id, 32 hex characters. */
  readonly traceId: string;
  /** `01` when the trace is sampled: by our span that is under way, else by the client's `traceparent`. */
  readonly traceFlags: string;
  /** Our span that is under way, 16 hex characters; absent where nothing is traced. */
  readonly spanId?: string | undefined;
}

const storage = new AsyncLocalStorage<RequestContext>();

export function runInRequestContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** The request that is being served, or undefined outside of one. */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}
