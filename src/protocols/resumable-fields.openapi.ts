import { applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { ErrorCode } from '../errors/catalogue.js';

type Headers = Record<string, { description: string; schema: { type: 'string' | 'integer' } }>;

/** What requests say, by the name of the field. */
const FIELDS = {
  'Tus-Resumable': 'tus: `1.0.0`, with every request.',
  'Upload-Offset': 'Bytes that are there already; the body goes on behind them.',
  'Upload-Length': 'Bytes of the whole file, where they are known.',
  'Upload-Defer-Length': 'tus: `1` where the length is said later.',
  'Upload-Metadata': 'tus: keys, each with a value in base64: `filename YS50eHQ=,filetype dGV4dC9wbGFpbg==`',
  'Upload-Concat': 'tus: `partial`, or `final;` and the URLs of the parts.',
  'Upload-Checksum': 'tus: of the body: `sha1 <base64>`; also as a trailer that `Trailer` announces.',
  'Upload-Complete': 'IETF: `?1` where the body ends the file, `?0` where more is to come.',
  'Upload-Draft-Interop-Version': 'IETF: `6` to `9` has `104` sent.',
  'Content-Disposition': "IETF: the name of the file: `attachment; filename*=UTF-8''a.txt`",
  'Content-Digest': 'IETF: of the body: `sha-256=:<base64>:`',
  'Repr-Digest': 'IETF: of the whole file: `sha-256=:<base64>:`',
  'Want-Repr-Digest': 'IETF: has the answer tell the digest of a complete file: `sha-256=1`',
  'Idempotency-Key': 'Makes the creation one that may be sent again: the same key is the same upload.',
  Prefer: 'RFC 7240: with `respond-async` the last answer comes before the file is stored.',
} as const;

type Field = keyof typeof FIELDS;

export const CREATION: readonly Field[] = [
  'Tus-Resumable',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Concat',
  'Upload-Checksum',
  'Upload-Complete',
  'Upload-Draft-Interop-Version',
  'Content-Disposition',
  'Content-Digest',
  'Repr-Digest',
  'Want-Repr-Digest',
  'Idempotency-Key',
  'Prefer',
];
export const APPEND: readonly Field[] = [
  'Tus-Resumable',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Checksum',
  'Upload-Complete',
  'Upload-Draft-Interop-Version',
  'Content-Digest',
  'Repr-Digest',
  'Want-Repr-Digest',
  'Prefer',
];
export const QUESTION: readonly Field[] = ['Tus-Resumable', 'Want-Repr-Digest'];

const NO_ACCESS: readonly ErrorCode[] = ['FORBIDDEN', 'NOT_FOUND'];

/** What every request to an upload may be answered. */
export const OF_UPLOAD: readonly ErrorCode[] = [
  ...NO_ACCESS,
  'VALIDATION_ERROR',
  'UPLOAD_EXPIRED',
  'UPLOAD_ENDED',
  'TUS_VERSION_UNSUPPORTED',
  'BULKHEAD_FULL',
  'QUEUE_UNAVAILABLE',
  'SPOOL_FULL',
];

/** What one that brings bytes may be answered beside that. */
export const OF_BYTES: readonly ErrorCode[] = [
  'LENGTH_MISMATCH',
  'APPEND_TOO_SMALL',
  'EMPTY_FILE',
  'DIGEST_MISMATCH',
  'CLIENT_STALLED',
  'CONFLICT',
  'UPLOAD_IN_PROGRESS',
  'OFFSET_MISMATCH',
  'FILE_TOO_LARGE',
  'APPEND_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'CHECKSUM_MISMATCH',
  'STORAGE_FAILED',
  'NO_STORAGE_AVAILABLE',
  'CIRCUIT_OPEN',
  'DRAINING',
  'SHUTTING_DOWN',
  'UPLOAD_ABORTED',
  'STORAGE_TIMEOUT',
  'DEADLINE_EXCEEDED',
  'STORAGE_FULL',
];

export const OFFSET: Headers = {
  'Upload-Offset': {
    description: 'Bytes that are here: they need never be sent again.',
    schema: { type: 'integer' },
  },
  'Upload-Complete': { description: 'IETF: `?1` once the last answer is known.', schema: { type: 'string' } },
  'Upload-Limit': { description: 'IETF: what the upload has to keep to.', schema: { type: 'string' } },
  'Upload-Expires': {
    description: 'tus: when an upload without new bytes is given up.',
    schema: { type: 'string' },
  },
};
export const LENGTH: Headers = {
  ...OFFSET,
  'Upload-Length': {
    description: 'Bytes of the whole file, where they are known.',
    schema: { type: 'integer' },
  },
};
export const LOCATION: Headers = {
  ...OFFSET,
  Location: { description: 'Where the upload is.', schema: { type: 'string' } },
};
export const CAPABILITIES: Headers = {
  'Tus-Version': { description: 'Versions of tus that are served.', schema: { type: 'string' } },
  'Tus-Extension': { description: 'Extensions of tus that are served.', schema: { type: 'string' } },
  'Tus-Max-Size': { description: 'Bytes of the largest file.', schema: { type: 'integer' } },
  'Tus-Checksum-Algorithm': { description: 'What `Upload-Checksum` may name.', schema: { type: 'string' } },
  'Upload-Limit': { description: 'IETF: what a new upload has to keep to.', schema: { type: 'string' } },
};

/** Documents fields of a request, none of which it needs: they differ by protocol. */
export function ApiFields(names: readonly Field[]): MethodDecorator & ClassDecorator {
  const fields = names.map((name) =>
    ApiHeader({ name, required: false, description: FIELDS[name], schema: { type: 'string' } }),
  );
  return applyDecorators(...fields);
}
