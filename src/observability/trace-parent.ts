/** What a `traceparent` header says. */
export interface TraceParent {
  /** 32 lower-case hex characters, not all zero. */
  readonly traceId: string;
  /** The span that sent it: 16 lower-case hex characters, not all zero. */
  readonly spanId: string;
  /** `01` when the caller may have recorded the trace, else `00`. */
  readonly traceFlags: '00' | '01';
}

/** Version (never `ff`), trace id and parent id (never all zero), flags; later versions may append fields. */
const TRACE_PARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})(?<traceId>[0-9a-f]{32})-(?!0{16})(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<more>-.*)?$/;
const SAMPLED = 0x01;

/**
 * Reads a `traceparent` header as W3C Trace Context, section 3.2.2 says. Gives undefined for an invalid one,
 * with which a new trace begins.
 */
export function parseTraceParent(header: string | string[] | undefined): TraceParent | undefined {
  if (typeof header !== 'string') return undefined;
  const { traceId, spanId, flags, more } = TRACE_PARENT.exec(header)?.groups ?? {};
  if (!traceId || !spanId || !flags || (more && header.startsWith('00'))) return undefined;
  // "The behavior of other flags [...] is reserved for future use. Vendors MUST set those to zero."
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED ? '01' : '00' };
}
