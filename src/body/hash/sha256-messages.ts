/** Bytes that lie in an open file. */
export interface FileRange {
  readonly descriptor: number;
  readonly position: number;
  readonly length: number;
}

/** What the hashing thread is told of a file, in the order of its bytes; `file` is a number that the file has alone. */
export type Sha256Message =
  | { readonly file: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly file: number; readonly range: FileRange }
  /** Answered once all of the file that was told before was hashed: by its digest, or, where it is to be `forgotten`, by none. */
  | { readonly file: number; readonly ask: 'digest' | 'reached' | 'forgotten' };

/** What the thread says: memory that came with bytes, and may be used again; and one answer for each `ask`, in their order. */
export type Sha256Reply = { readonly spare: ArrayBuffer } | Sha256Answer;

export type Sha256Answer = { readonly digest?: string } | { readonly failure: unknown };
