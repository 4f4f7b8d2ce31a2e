import { BulkheadInterceptor } from './bulkhead.interceptor.js';
import { CircuitInterceptor } from './circuit.interceptor.js';
import { DeadlineInterceptor } from './deadline.interceptor.js';
import { RetryInterceptor } from './retry.interceptor.js';

/**
 * What runs around every outbound call, from the outside to the inside. The bulkhead is that of the dependency; that of
 * a target is part of its choice in the retry, so that a full one is passed over. The circuit is inside the retry, so
 * that each attempt counts and the next one can take another target; the timeouts of an attempt are the transport's,
 * innermost, so that they count for the circuit.
 */
export const OUTBOUND_INTERCEPTORS = [
  DeadlineInterceptor,
  BulkheadInterceptor,
  RetryInterceptor,
  CircuitInterceptor,
] as const;
