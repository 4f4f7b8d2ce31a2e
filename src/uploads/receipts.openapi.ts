import { applyDecorators } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiConflictResponse,
  ApiDefaultResponse,
  ApiGoneResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiServiceUnavailableResponse,
} from '@nestjs/swagger';
import { EVENT_STREAM } from './event-stream.js';
import { Receipt } from './receipt.dto.js';

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

function ApiOfUpload(summary: string, description: string): RouteDecorator {
  return applyDecorators(
    ApiBearerAuth(),
    ApiOperation({ summary, description }),
    ApiParam({ name: 'uuid', format: 'uuid', description: 'The `upload_id` of the receipt.' }),
    ApiNotFoundResponse({ description: 'There is no such upload, or it is not yours.' }),
    ApiServiceUnavailableResponse({
      description: 'Nobody knows: a storage element or the database cannot be asked just now.',
    }),
    ApiDefaultResponse({ description: 'A problem (RFC 9457), as `application/problem+json`.' }),
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
    ),
    ApiOkResponse({ type: Receipt, description: 'It is cancelled, and its file is gone.' }),
    ApiAcceptedResponse({
      type: Receipt,
      description: 'The file is on its way just now; the upload is cancelled unless that succeeds.',
    }),
    ApiConflictResponse({ description: 'The file is stored already.' }),
    ApiGoneResponse({ description: 'The time for which the file was wanted is over.' }),
  );
}

export function ApiUploadEvents(): RouteDecorator {
  return applyDecorators(
    ApiOfUpload(
      'What happens to an upload, while it happens',
      'Server-sent events, until the upload comes to an end. `status`: its state has changed; `progress`: bytes have been delivered.',
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
