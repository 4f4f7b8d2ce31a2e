import { z } from 'zod';
import { ERROR_CATALOGUE, type ErrorCode } from '../../errors/catalogue.js';
import type { Receipt } from '../../ingest/receipt.dto.js';
import type { UploadResult } from '../../ingest/upload-result.js';

/** How an upload came to its end. Its bytes are not here any more. */
export type UploadEnd =
  /** Its file has found its place; `length` bytes. */
  | { readonly kind: 'placed'; readonly result: UploadResult; readonly length: number }
  /** A part that has all its bytes is used by others for a while, and then it is over. */
  | { readonly kind: 'expired' | 'removed' }
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
  z.object({ kind: z.enum(['expired', 'removed']) }),
  z.object({ kind: z.literal('refused'), code: errorCode, detail: z.string() }),
]);

/** As JSON. */
export function endText(end: UploadEnd): string {
  return JSON.stringify(end);
}

/** The way back. @throws Error for a text that is not ours */
export function endFrom(text: string): UploadEnd {
  return schema.parse(JSON.parse(text));
}
