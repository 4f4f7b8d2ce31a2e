import { applyDecorators } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { ApiProtected } from '../errors/problem.openapi.js';
import { BODY_PROBLEMS } from './json-body.js';
import { ActiveUploadsBody, RecentUploadsBody } from './upload-views.dto.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

export function ApiActiveUploads(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'All uploads in flight, at all replicas, the oldest first' }),
    ApiOkResponse({ type: ActiveUploadsBody }),
    ApiProtected('FORBIDDEN', 'VALIDATION_ERROR', 'QUEUE_UNAVAILABLE'),
  );
}

export function ApiRecentUploads(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'The last 1000 uploads of each replica that ended, the newest first' }),
    ApiOkResponse({ type: RecentUploadsBody }),
    ApiProtected('FORBIDDEN', 'VALIDATION_ERROR', 'QUEUE_UNAVAILABLE'),
  );
}

export function ApiAbort(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Stop an upload in flight, at whichever replica it is',
      description:
        'Its client is answered `UPLOAD_ABORTED`. What came of an upload in several requests is kept, and can be gone on with.',
    }),
    ApiParam({ name: 'id', format: 'uuid' }),
    ApiNoContentResponse({ description: 'It was told to stop.' }),
    ApiProtected(
      'FORBIDDEN',
      'NOT_FOUND',
      'CONFLICT',
      'REPLICA_UNAVAILABLE',
      'QUEUE_UNAVAILABLE',
      ...BODY_PROBLEMS,
    ),
  );
}
