import { z } from 'zod';
import type { RequestContext } from '../../observability/request-context.js';
import { metadataSchema } from '../../storage/metadata-schema.js';
import type { ContentDigest, FileDescription } from '../../storage/storage-element.js';
import type { Stored } from '../ledger/upload-rows.js';
import type { NewPlacement } from '../placement.js';

/** A file that was stored without a promise. */
export interface StoredUpload {
  readonly uploadId: string;
  readonly file: FileDescription;
  readonly digest: ContentDigest;
  readonly stored: Stored;
  /** Did the caller choose the id? Then other clients may have sent files under it. */
  readonly idIsCallers: boolean;
  /** Other elements that may have it as well. */
  readonly copies: readonly NewPlacement[];
  /** The request that brought it. */
  readonly request?: RequestContext | undefined;
}

/** What is written down beside the database: the file, and the kinds of tasks that follow it. */
export interface Intent extends StoredUpload {
  readonly kinds: readonly string[];
}

/** As `intentOf` writes it, after JSON; dates are text there. */
export const intentSchema = z.object({
  version: z.literal(3),
  uploadId: z.uuid(),
  idIsCallers: z.boolean(),
  file: z.object({
    fileId: z.string(),
    originalFilename: z.string(),
    contentType: z.string(),
    description: z.string().nullable(),
    tags: z.array(z.string()),
    metadata: metadataSchema,
    retentionPolicy: z.enum(['temporary', 'permanent']),
    ttlDays: z.number().nullable(),
    uploadedBy: z.string(),
    uploadedByUsername: z.string().nullable(),
    uploadedAt: z.iso.datetime().transform((text) => new Date(text)),
  }),
  digest: z.object({ size: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  stored: z.object({ target: z.string(), fileId: z.string() }),
  copies: z.array(z.object({ target: z.string(), unverified: z.boolean(), answered: z.boolean() })),
  request: z
    .object({
      requestId: z.string(),
      traceId: z.string(),
      traceFlags: z.string(),
      spanId: z.string().optional(),
    })
    .optional(),
  kinds: z.array(z.string()),
});

/** As JSON keeps it. */
export function intentOf(intent: Intent): object {
  const { uploadId, idIsCallers, file, digest, stored, copies, request, kinds } = intent;
  const { size, sha256 } = digest;
  const whole = { size, sha256 };
  return { version: 3, uploadId, idIsCallers, file, digest: whole, stored, copies, request, kinds };
}
