import { applyDecorators } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
} from '@nestjs/swagger';
import type { ErrorCode } from '../errors/catalogue.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { EVENT_STREAM } from '../connections/event-stream.js';
import { Receipt } from '../ingest/receipt.dto.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

const EVENTS = `event: status
id: 1
data: {"upload_id":"…","status":"accepted","file_id":null,"at":"2026-11-20T10:00:00.000Z"}

event: progress
data: {"upload_id":"…","bytes_delivered":65536,"size":1048576}

event: status
id: 3
data: {"upload_id":"…","status":"active","file_id":"…","at":"2026-11-20T10:00:05.000Z"}

`;

function ApiOfUpload(summary: string, description: string, ...codes: readonly ErrorCode[]): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary, description }),
    ApiParam({ name: 'uuid', format: 'uuid', description: 'The `upload_id` of the receipt.' }),
    ApiProtected(
      'FORBIDDEN',
      'NOT_FOUND',
      'RATE_LIMITED',
      'NO_STORAGE_AVAILABLE',
      'BULKHEAD_FULL',
      'QUEUE_UNAVAILABLE',
      ...codes,
    ),
  );
}

export function ApiReceipt(): RouteDecorator {
  return applyDecorators(
    ApiOfUpload('The receipt of an upload, as it is now', 'For its owner and for admins.'),
    ApiOkResponse({ type: Receipt }),
  );
}

export function ApiCancelUpload(): RouteDecorator {
  return applyDecorators(
    ApiOfUpload(
      'Take back an upload that is not stored yet',
      'For its owner and for admins. Harmless when repeated.',
      'CONFLICT',
      'UPLOAD_EXPIRED',
    ),
    ApiOkResponse({ type: Receipt, description: 'It is cancelled, and its file is gone.' }),
    ApiAcceptedResponse({
      type: Receipt,
      description: 'The file is on its way just now; the upload is cancelled unless that succeeds.',
    }),
  );
}

export function ApiUploadEvents(): RouteDecorator {
  return applyDecorators(
    ApiOfUpload(
      'What happens to an upload, while it happens',
      'Server-sent events, until the upload comes to an end, or the token of the request does: then come back with `Last-Event-ID` and a new one. `status`: its state has changed; `progress`: bytes have been delivered.',
      'SHUTTING_DOWN',
    ),
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description: 'The last `id` that came: what happened after it is sent.',
    }),
    ApiOkResponse({ content: { [EVENT_STREAM]: { schema: { type: 'string', example: EVENTS } } } }),
    ApiNoContentResponse({
      description: 'The upload has ended, and nothing happened after `Last-Event-ID`.',
    }),
  );
}
