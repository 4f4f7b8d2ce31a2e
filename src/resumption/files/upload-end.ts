import { z } from 'zod';
import { ERROR_CATALOGUE, type ErrorCode } from '../../errors/catalogue.js';
import type { Receipt } from '../../ingest/receipt.dto.js';
import type { UploadResult } from '../../ingest/upload-result.js';

/** How an upload came to its end. Its bytes are not here any more. */
export type UploadEnd =
  /** Its file has found its place; `length` bytes. */
  | { readonly kind: 'placed'; readonly result: UploadResult; readonly length: number }
  | { readonly kind: 'expired' }
  /** `hasFile`: its file had found its place before. */
  | { readonly kind: 'removed'; readonly hasFile: boolean }
  /** Nothing can come of it. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: string };

const receipt = z.custom<Receipt>((value) => typeof value === 'object' && value !== null);
const errorCode = z.custom<ErrorCode>(
  (value) => typeof value === 'string' && Object.hasOwn(ERROR_CATALOGUE, value),
);

const schema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('placed'),
    result: z.object({ receipt, outcome: z.enum(['stored', 'repeated', 'accepted']) }),
    length: z.int().nonnegative(),
  }),
  z.object({ kind: z.literal('expired') }),
  z.object({ kind: z.literal('removed'), hasFile: z.boolean() }),
  z.object({ kind: z.literal('refused'), code: errorCode, detail: z.string() }),
]);

/** What was decided last, by a client; what is a fact; what followed from the lack of it. */
const RANKS: Readonly<Record<UploadEnd['kind'], number>> = { removed: 3, placed: 2, refused: 1, expired: 1 };

/** Where two processes end an upload at once, does the second one's end hold? */
export function outranks(second: UploadEnd, first: UploadEnd): boolean {
  return RANKS[second.kind] > RANKS[first.kind];
}

/** As JSON. */
export function endText(end: UploadEnd): string {
  return JSON.stringify(end);
}

/** The way back; undefined for a text that a power cut has left: then the bytes are still there. */
export function endFrom(text: string): UploadEnd | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
