import { ERROR_CATALOGUE, type ErrorCode } from './catalogue.js';

/** One wrong field of a request, as a member of a problem's `errors`. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

export interface ServiceErrorOptions {
  /** What failed underneath; logged, never answered. */
  readonly cause?: unknown;
  readonly fields?: readonly FieldError[];
  /** When the caller may try again, in milliseconds from now: `Retry-After`. */
  readonly retryAfterMs?: number;
  /** Further response headers, as `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the problem, as `supported`. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** A failure with a code of the catalogue. `detail` goes to the caller: no host names, no secrets. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly options: ServiceErrorOptions = {},
  ) {
    super(`${code}: ${detail}`, { cause: options.cause });
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }

  /** Is it the caller's to mend? */
  get isCallers(): boolean {
    return this.status < 500;
  }
}
