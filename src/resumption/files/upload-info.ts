import { z } from 'zod';
import type { Digest } from '../../body/digest-check.js';
import type { FileDescription } from '../../storage/storage-element.js';
import { descriptionFrom, storedDescriptionOf } from '../../storage/stored-description.js';

/** What an upload is to become: a file; a part of files; or a file that is joined of parts. */
export type UploadKind = 'file' | 'part' | 'joined';

/** What is written down of an upload when it is created, and never changed. */
export interface UploadInfo {
  /** Which protocol created it, and serves it. */
  readonly protocol: string;
  readonly kind: UploadKind;
  /** The uploads that a joined one consists of, in their order. */
  readonly parts: readonly string[];
  readonly file: FileDescription;
  /** Bytes of the whole file, where they were known. */
  readonly length?: number | undefined;
  /** Digests of the whole file that were declared. */
  readonly digests: readonly Digest[];
  /** Is it complete only when a request says so, and not by its length alone? */
  readonly endsWhenTold: boolean;
  /** What the protocol wants to find again. */
  readonly note: Readonly<Record<string, string>>;
}

/** A folder of another layout is refused, and never misread. */
const FORMAT = 1;

const description = z.object({
  fileId: z.uuid(),
  originalFilename: z.string(),
  contentType: z.string(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  metadata: z.string(),
  retentionPolicy: z.enum(['temporary', 'permanent']),
  ttlDays: z.number().nullable(),
  uploadedBy: z.string(),
  uploadedByUsername: z.string().nullable(),
  uploadedAt: z.iso.datetime(),
});

const schema = z.object({
  format: z.literal(FORMAT),
  protocol: z.string(),
  kind: z.enum(['file', 'part', 'joined']),
  parts: z.array(z.uuid()),
  file: z.string(),
  length: z.int().nonnegative().optional(),
  digests: z.array(z.object({ algorithm: z.enum(['sha256', 'sha512']), hex: z.string() })),
  endsWhenTold: z.boolean(),
  note: z.record(z.string(), z.string()),
});

/** As JSON. */
export function infoText({ file, ...info }: UploadInfo): string {
  return JSON.stringify({ format: FORMAT, ...info, file: storedDescriptionOf(file) });
}

/** The way back. @throws Error for a text that is not ours */
export function infoFrom(text: string): UploadInfo {
  const { format: _, file, ...info } = schema.parse(JSON.parse(text));
  return { ...info, file: descriptionFrom(description.parse(JSON.parse(file))) };
}
