import { applyDecorators } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
} from '@nestjs/swagger';
import type { ErrorCode } from '../errors/catalogue.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { Receipt } from '../ingest/receipt.dto.js';
import {
  ApiFields,
  APPEND,
  CAPABILITIES,
  CREATION,
  LENGTH,
  LOCATION,
  OF_BYTES,
  OF_UPLOAD,
  OFFSET,
  QUESTION,
} from './resumable-fields.openapi.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

const SEE = 'docs/resumable.md has the whole of both protocols.';

export function ApiCreateResumable(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Create an upload that comes in several requests',
      description: `With \`Tus-Resumable\` by tus 1.0, with \`Upload-Complete\` by the IETF's Resumable Uploads for HTTP; the body, if there is one, is the beginning of the file, or all of it. ${SEE}`,
    }),
    ApiFields(CREATION),
    ApiBytes('application/offset+octet-stream', 'application/octet-stream'),
    ApiResponse({
      status: 201,
      description:
        'The upload is there. By the IETF with `?1` the file is stored, and the body is its receipt.',
      headers: LOCATION,
    }),
    ApiReceipts(),
    ApiProtected(...OF_UPLOAD, ...OF_BYTES, 'IDEMPOTENCY_KEY_REUSED'),
  );
}

export function ApiListResumable(): RouteDecorator {
  const text = { type: 'string' };
  const listed = {
    upload_id: { ...text, format: 'uuid' },
    original_filename: text,
    uploaded_by: text,
    offset: { type: 'integer', description: 'Bytes that are here.' },
    length: { type: 'integer', nullable: true, description: 'Bytes of the whole file; null: not known.' },
    expires_at: { ...text, format: 'date-time' },
  };
  const properties = {
    uploads: {
      type: 'array',
      items: { type: 'object', required: Object.keys(listed), properties: listed },
    },
    next: {
      ...text,
      format: 'uuid',
      nullable: true,
      description: '`after` of the next page; null: the last.',
    },
    replicas_away: {
      type: 'integer',
      description: 'Replicas with a spool of their own whose uploads are missing; absent: none.',
    },
  };
  return applyDecorators(
    ApiOperation({
      summary: 'Your uploads that are not complete, oldest first',
      description: 'Admins see all.',
    }),
    ApiQuery({ name: 'after', required: false, schema: { type: 'string', format: 'uuid' } }),
    ApiQuery({
      name: 'limit',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
    }),
    ApiOkResponse({ schema: { type: 'object', required: ['uploads', 'next'], properties } }),
    ApiProtected('FORBIDDEN', 'VALIDATION_ERROR'),
  );
}

export function ApiAskResumable(...codes: readonly ErrorCode[]): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'How far an upload is',
      description: `A request that still brings it bytes is ended: its connection may be only half gone. ${SEE}`,
    }),
    ApiUploadId(),
    ApiFields(QUESTION),
    ApiNoContentResponse({ description: 'Of an upload of the IETF kind.', headers: LENGTH }),
    ApiProtected(...OF_UPLOAD, ...codes),
  );
}

/** As a tus client asks, whose uploads have no other way. */
export function ApiHeadResumable(): RouteDecorator {
  return applyDecorators(
    ApiAskResumable(),
    ApiResponse({ status: 200, description: 'Of an upload of tus.', headers: LENGTH }),
  );
}

export function ApiAppendResumable(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'Send more bytes of an upload', description: SEE }),
    ApiUploadId(),
    ApiFields(APPEND),
    ApiBytes('application/offset+octet-stream', 'application/partial-upload'),
    ApiNoContentResponse({
      description: 'The bytes are here; by tus they may be the last.',
      headers: OFFSET,
    }),
    ApiResponse({ status: 201, type: Receipt, description: 'IETF: the file is stored.', headers: LOCATION }),
    ApiReceipts(),
    ApiProtected(...OF_UPLOAD, ...OF_BYTES),
  );
}

export function ApiRemoveResumable(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'Give an upload up', description: 'The file of a complete one stays.' }),
    ApiUploadId(),
    ApiFields(['Tus-Resumable']),
    ApiNoContentResponse({ description: 'It is gone, and its bytes are.' }),
    ApiProtected(...OF_UPLOAD, 'UPLOAD_IN_PROGRESS'),
  );
}

/** A request by another method, of a client that can send none but `POST`. */
export function ApiOverriddenResumable(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Send a request by another method',
      description:
        'For clients that can send nothing but `POST`: it is served as one of the method that it names.',
    }),
    ApiUploadId(),
    ApiHeader({
      name: 'X-HTTP-Method-Override',
      required: true,
      schema: { type: 'string', enum: ['PATCH', 'DELETE', 'HEAD'] },
    }),
    ApiFields(APPEND),
    ApiBytes('application/offset+octet-stream', 'application/partial-upload'),
    ApiNoContentResponse({ description: 'As of that method.', headers: OFFSET }),
    ApiResponse({ status: 200, description: 'As of `HEAD`, or of `PATCH`.', headers: LENGTH }),
    ApiResponse({ status: 201, type: Receipt, description: 'As of `PATCH`.', headers: LOCATION }),
    ApiResponse({ status: 202, type: Receipt, description: 'As of `PATCH`.', headers: LOCATION }),
    ApiProtected(...OF_UPLOAD, ...OF_BYTES),
  );
}

export function ApiResumableOptions(headers = CAPABILITIES): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'What uploads that come in several requests can do here',
      description: 'Needs no token.',
    }),
    ApiOkResponse({ description: 'The headers say it.', headers }),
  );
}

/** Of a file that is created by `PUT`. */
export function ApiResumableFileOptions(): RouteDecorator {
  const { 'Upload-Limit': limit } = CAPABILITIES;
  return applyDecorators(
    ApiParam({ name: 'uuid', format: 'uuid' }),
    ApiResumableOptions(limit && { 'Upload-Limit': limit }),
  );
}

export function ApiUploadId(): RouteDecorator {
  return ApiParam({ name: 'id', format: 'uuid', description: 'Where `Location` of the creation ends.' });
}

function ApiBytes(...types: readonly string[]): RouteDecorator {
  return applyDecorators(
    ApiConsumes(...types),
    ApiBody({ required: false, schema: { type: 'string', format: 'binary' } }),
  );
}

/** What an upload of the IETF kind is answered that is complete. */
function ApiReceipts(): RouteDecorator {
  return applyDecorators(
    ApiResponse({
      status: 200,
      type: Receipt,
      description: 'IETF: the same file was stored before.',
      headers: LOCATION,
    }),
    ApiResponse({
      status: 202,
      type: Receipt,
      description: 'IETF: the file is safe and is stored later.',
      headers: LOCATION,
    }),
  );
}
