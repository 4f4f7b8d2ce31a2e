import { z } from 'zod';
import type { StoredFile } from '../../storage-element.js';
import { type ElementAnswer, unwantedAnswer } from './element-errors.js';
import { storageFailed } from '../storage-failures.js';

/** Ids that can stand in a URL as they are, without becoming another path. */
export const FILE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const size = z.number().int().nonnegative();
const about = z.string().nullish().catch(undefined);

const common = {
  file_id: z.string().regex(FILE_ID),
  checksum: z
    .string()
    .regex(/^[0-9a-f]{64}$/i)
    .toLowerCase()
    .nullish(),
  original_filename: about,
  content_type: about,
  uploaded_by: about,
  uploaded_at: z.iso.datetime({ offset: true }).nullish().catch(undefined),
};

/** Receipt and metadata of both generations: goartstore says `size`, artStore `file_size`. */
const storedFileSchema = z
  .union([
    z.object({ ...common, size }),
    z
      .object({ ...common, file_size: size })
      .transform(({ file_size, ...rest }) => ({ ...rest, size: file_size })),
  ])
  .transform((answer): StoredFile => ({
    fileId: answer.file_id,
    size: answer.size,
    sha256: answer.checksum ?? undefined,
    originalFilename: answer.original_filename ?? undefined,
    contentType: answer.content_type ?? undefined,
    uploadedBy: answer.uploaded_by ?? undefined,
    uploadedAt: answer.uploaded_at ? new Date(answer.uploaded_at) : undefined,
  }));

/** Reads a successful answer. @throws STORAGE_FAILED when it does not say which file is stored and how large it is. */
export function storedFileFrom({ status, text }: ElementAnswer): StoredFile {
  const { data } = storedFileSchema.safeParse(parseJson(text));
  if (data) return data;
  throw storageFailed(
    'The storage element gave an answer that is not understood.',
    unwantedAnswer({ status, text }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
