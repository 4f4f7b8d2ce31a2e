/** What goes wrong with the requests that it is for. */
export interface S3Fault {
  /** As S3 calls it: `UploadPart`. */
  readonly on: string;
  /** Of parts, only with this one. */
  readonly partNumber?: number;
  /** Only with keys that match. */
  readonly key?: RegExp;
  /** So many requests; unset: one. */
  times?: number;
  readonly does:
    /** Answers so and does nothing; `early`: without reading the body. */
    | {
        readonly kind: 'answer';
        readonly status: number;
        readonly code: string;
        readonly headers?: Readonly<Record<string, string>>;
        readonly early?: boolean;
      }
    /** Breaks the connection off: once the body was read, before or after it has done what it was asked to. */
    | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
    /** Says 200, and then that it failed; does nothing. */
    | { readonly kind: 'error-in-200'; readonly code: string }
    /** Says 200, sends blanks for a while, and then the true answer. */
    | { readonly kind: 'blanks'; readonly ms: number }
    /** Does it after a while. */
    | { readonly kind: 'wait'; readonly until: Promise<unknown> }
    /** Reads no more, and says nothing. */
    | { readonly kind: 'stall' }
    /** Does it and says nothing. */
    | { readonly kind: 'hang' };
}

export interface FaultedRequest {
  readonly operation: string;
  readonly key: string;
  readonly partNumber?: number;
}

/** Takes the first fault that is for the request. */
export function takeFault(faults: S3Fault[], request: FaultedRequest): S3Fault['does'] | undefined {
  const fault = faults.find(
    ({ on, partNumber, key, times = 1 }) =>
      times > 0 &&
      on === request.operation &&
      (partNumber === undefined || partNumber === request.partNumber) &&
      (key === undefined || key.test(request.key)),
  );
  if (fault) fault.times = (fault.times ?? 1) - 1;
  return fault?.does;
}
