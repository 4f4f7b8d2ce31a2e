import { ERROR_CATALOGUE, type ErrorCode } from './catalogue.js';
import type { FieldError, ServiceError } from './service-error.js';

/** Problem details, RFC 9457, with our members `code`, `retryable`, `trace_id` and `errors`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly trace_id: string | null;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** @param instance the path that was asked for, without its query, which may hold a secret. */
export function toProblem(error: ServiceError, instance?: string, traceId?: string): Problem {
  const { status, title, retryable } = ERROR_CATALOGUE[error.code];
  return {
    type: `urn:ingester:error:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: error.detail,
    instance,
    code: error.code,
    retryable,
    trace_id: traceId ?? null,
    errors: error.options.fields,
    ...error.options.members,
  };
}
