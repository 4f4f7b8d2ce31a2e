/** What is said of a span. What is undefined is left out. Never a name of a file, a token or a text of somebody else. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A span as other processes and later work know it. */
export interface SpanReference {
  /** 32 hex characters. */
  readonly traceId: string;
  /** 16 hex characters. */
  readonly spanId: string;
  /** `01` where it is recorded, else `00`. */
  readonly traceFlags: string;
}

export interface SpanStart {
  /**
   * `server`: we serve a request, in its trace. `client`: we call somebody, within the span that is under way. `consumer`: we go
   * on with what was promised, in a trace of its own.
   */
  readonly kind: 'server' | 'client' | 'consumer';
  readonly attributes: SpanAttributes;
  /** The span of the client that sent the request. `decides`: it is recorded where that one is. */
  readonly parent?: (SpanReference & { readonly decides: boolean }) | undefined;
  /** The span that made the promise. */
  readonly link?: SpanReference | undefined;
}

/** A span under way. */
export interface Span {
  /** Does `work` within the span: its log lines carry the trace, and its calls are part of the span. */
  run<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** It failed, with one of our codes mostly. Not `isError`: the failure is what the client sent, or does. */
  fail(type: string, isError: boolean): void;
  /** Nothing is said of it any more. */
  end(): void;
}

const NO_SPAN: Span = {
  run: (work) => work(),
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
};

/** Traces what is done. This one does not: it is there where nobody asked for traces. */
export class Tracing {
  readonly isOn: boolean = false;

  begin(_name: string, _start: SpanStart): Span {
    return NO_SPAN;
  }

  /** Does `work` within a span of its own, which fails with what that throws. @throws what `work` throws */
  around<T>(_name: string, _start: SpanStart, work: (span: Span) => Promise<T>): Promise<T> {
    return work(NO_SPAN);
  }
}
