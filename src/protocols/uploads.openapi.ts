import { applyDecorators } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
} from '@nestjs/swagger';
import type { ErrorCode } from '../errors/catalogue.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { Receipt } from '../ingest/receipt.dto.js';

/**
 * The text parts come first in this list, because Swagger UI sends the parts in its order. It also fills in samples of
 * its own where there is no example; a part without text is one that is not there.
 */
const MULTIPART_UPLOAD = {
  type: 'object',
  required: ['file'],
  properties: {
    description: { type: 'string', maxLength: 1000, example: '' },
    retention_policy: { type: 'string', enum: ['temporary', 'permanent'], default: 'temporary' },
    ttl_days: {
      type: 'integer',
      minimum: 1,
      maximum: 365,
      example: '',
      description: '30 where none is given; not with `permanent`.',
    },
    tags: { type: 'array', items: { type: 'string' }, example: [], description: 'As JSON: `["report"]`.' },
    metadata: {
      type: 'object',
      additionalProperties: true,
      example: {},
      description:
        'As JSON: `{"project":7}`. Numbers are kept as they are written; two members of the same name are refused. Where the storage of a file does not keep metadata, the receipt says so with `null`.',
    },
    file: { type: 'string', format: 'binary' },
  },
};

const JSON_PARTS = {
  tags: { contentType: 'application/json' },
  metadata: { contentType: 'application/json' },
};

const UPLOAD_PROBLEMS: readonly ErrorCode[] = [
  'VALIDATION_ERROR',
  'EMPTY_FILE',
  'DIGEST_MISMATCH',
  'FORBIDDEN',
  'CLIENT_STALLED',
  'FILE_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'STORAGE_FAILED',
  'NO_STORAGE_AVAILABLE',
  'CIRCUIT_OPEN',
  'BULKHEAD_FULL',
  'QUEUE_UNAVAILABLE',
  'DRAINING',
  'SHUTTING_DOWN',
  'UPLOAD_ABORTED',
  'STORAGE_TIMEOUT',
  'DEADLINE_EXCEEDED',
  'STORAGE_FULL',
  'SPOOL_FULL',
];

/** Of a raw upload that comes in several requests. */
const RESUMABLE_PROBLEMS: readonly ErrorCode[] = [
  'LENGTH_MISMATCH',
  'APPEND_TOO_SMALL',
  'OFFSET_MISMATCH',
  'UPLOAD_EXPIRED',
  'UPLOAD_ENDED',
  'APPEND_TOO_LARGE',
];

const REPR_DIGEST = {
  'Repr-Digest': {
    description: 'Of the file, where the client asked for it by `Want-Repr-Digest`.',
    schema: { type: 'string' },
  },
} as const;

/** RFC 9530. */
function ApiDigests(): MethodDecorator & ClassDecorator {
  const optional = { required: false, schema: { type: 'string' } } as const;
  const form =
    '`sha-256=:<base64>:`, `sha-512=:<base64>:` or both; also as a trailer that `Trailer` announces.';
  return applyDecorators(
    ApiHeader({ name: 'Content-Digest', ...optional, description: `Of the body: ${form}` }),
    ApiHeader({ name: 'Repr-Digest', ...optional, description: `Of the file: ${form}` }),
    ApiHeader({
      name: 'Want-Repr-Digest',
      ...optional,
      description: 'Which digest of the file the answer is to have: `sha-256=9, sha-512=1`',
    }),
  );
}

function ApiUpload(
  summary: string,
  description: string,
  ...codes: readonly ErrorCode[]
): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiOperation({ summary, description }),
    ApiHeader({
      name: 'Prefer',
      required: false,
      description:
        'RFC 7240: with `respond-async` the answer comes as soon as the file is safe, before it is stored.',
      schema: { type: 'string' },
    }),
    ApiDigests(),
    ApiCreatedResponse({ type: Receipt, description: 'The file is stored.', headers: REPR_DIGEST }),
    ApiAcceptedResponse({
      type: Receipt,
      description:
        'The file is safe and is stored later: no storage takes it now, or the client asked for this.',
      headers: {
        ...REPR_DIGEST,
        Location: { description: 'Where its receipt is.', schema: { type: 'string' } },
        'Preference-Applied': {
          description: '`respond-async`, where the client asked for it.',
          schema: { type: 'string' },
        },
      },
    }),
    ApiProtected(...UPLOAD_PROBLEMS, ...codes),
  );
}

export function ApiMultipartUpload(): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiUpload(
      'Upload a file as a form',
      'Text parts must come before `file`, which is streamed on while it arrives. They are read in the charset of their ' +
        '`Content-Type`, else in that which a part `_charset_` names, else as UTF-8. A file of no bytes needs a name.',
      'MALFORMED_MULTIPART',
      'UPLOAD_IN_PROGRESS',
      'IDEMPOTENCY_KEY_REUSED',
    ),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Makes the form one that may be sent again: the same key with the same file and fields gives the first receipt. A string of at most 255 characters: `"8e03978e-40d5-43dd-bc93-6894a57f9324"`',
      schema: { type: 'string' },
    }),
    ApiOkResponse({
      type: Receipt,
      description: 'The same form was stored with this `Idempotency-Key` before.',
      headers: REPR_DIGEST,
    }),
    ApiConsumes('multipart/form-data'),
    ApiBody({ schema: MULTIPART_UPLOAD, encoding: JSON_PARTS }),
  );
}

export function ApiRawUpload(): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiUpload(
      'Upload a file as it is, under your own id',
      'The body is the file itself, not a form. The same bytes again give the first receipt again, so that an ' +
        '`Idempotency-Key` changes nothing. A file of no bytes needs `Content-Length: 0`.',
      'CONFLICT',
      'UPLOAD_IN_PROGRESS',
      ...RESUMABLE_PROBLEMS,
    ),
    ApiHeader({
      name: 'Upload-Complete',
      required: false,
      description:
        '`?1`, or `?0` for the beginning of the file, makes it an upload that can be resumed at `/api/v1/uploads/{uuid}` (IETF Resumable Uploads for HTTP).',
      schema: { type: 'string' },
    }),
    ApiConsumes('application/octet-stream'),
    ApiParam({ name: 'uuid', format: 'uuid' }),
    ApiHeader({
      name: 'Content-Disposition',
      required: false,
      description: "The name of the file: `attachment; filename*=UTF-8''a.txt`",
    }),
    ApiBody({ schema: { type: 'string', format: 'binary' } }),
    ApiOkResponse({
      type: Receipt,
      description: 'The same file was stored under this id before.',
      headers: REPR_DIGEST,
    }),
  );
}
