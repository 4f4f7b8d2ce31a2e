/** What the thread of PGlite is started with. */
export interface PgliteStart {
  readonly folder: string;
}

/** A statement for PGlite. Without `values` there may be several in one text. */
export interface PgliteRequest {
  readonly id: number;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** An error loses all but its text on the way between threads. */
export interface PgliteFailure {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type PgliteAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'rows'; readonly id: number; readonly rows: object[] }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: PgliteFailure }
  | { readonly kind: 'unusable'; readonly failure: PgliteFailure };
