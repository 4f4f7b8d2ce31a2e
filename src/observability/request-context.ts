import { AsyncLocalStorage } from 'node:async_hooks';

/** What binds the log lines and outgoing calls of one incoming request together. */
export interface RequestContext {
  /** Id that the client sent, or a new one; logged, returned and sent on as `X-Request-ID`. */
  readonly requestId: string;
  /** W3C trace id, 32 hex characters. */
  readonly traceId: string;
  /** The client's `traceparent` flags: `01` when the trace is sampled. */
  readonly traceFlags: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

export function runInRequestContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** The request that is being served, or undefined outside of one. */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}
