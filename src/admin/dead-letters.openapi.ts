import { applyDecorators } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
} from '@nestjs/swagger';
import type { ErrorCode } from '../errors/catalogue.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { DeadLetterGroupsBody, DropBody, PreviewBody } from './dead-letter-bulk.dto.js';
import {
  DeadLetterBody,
  DeadLetterHistoryBody,
  DeadLetterPageBody,
  RedeliveryBody,
} from './dead-letter-reports.dto.js';
import { BODY_PROBLEMS } from './json-body.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

function ApiOneLetter(summary: string, ...codes: readonly ErrorCode[]): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiParam({ name: 'id', format: 'uuid' }),
    ApiProtected('FORBIDDEN', 'NOT_FOUND', 'QUEUE_UNAVAILABLE', ...codes),
  );
}

export function ApiDeadLetters(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'What could not be delivered or registered, the newest first' }),
    ApiOkResponse({ type: DeadLetterPageBody }),
    ApiProtected('FORBIDDEN', 'VALIDATION_ERROR', 'QUEUE_UNAVAILABLE'),
  );
}

export function ApiDeadLetter(): RouteDecorator {
  return applyDecorators(
    ApiOneLetter('One dead letter, with the history of its attempts'),
    ApiOkResponse({ type: DeadLetterHistoryBody }),
  );
}

export function ApiRedeliver(): RouteDecorator {
  return applyDecorators(
    ApiOneLetter('Have one tried again', 'CONFLICT', ...BODY_PROBLEMS),
    ApiAcceptedResponse({ type: DeadLetterBody }),
  );
}

export function ApiRedeliverAll(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Have many tried again, one after the other',
      description: 'The oldest first. The next such order is taken when the last of them is due.',
    }),
    ApiAcceptedResponse({ type: RedeliveryBody }),
    ApiProtected('FORBIDDEN', 'CONFLICT', 'RATE_LIMITED', 'QUEUE_UNAVAILABLE', ...BODY_PROBLEMS),
  );
}

export function ApiGroups(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'Dead letters by what they died of, the commonest first' }),
    ApiOkResponse({ type: DeadLetterGroupsBody }),
    ApiProtected('FORBIDDEN', 'VALIDATION_ERROR', 'QUEUE_UNAVAILABLE'),
  );
}

export function ApiPreview(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'What an order over many would be about',
      description: 'Its token is good for 10 minutes, for this action and filter.',
    }),
    ApiOkResponse({ type: PreviewBody }),
    ApiProtected('FORBIDDEN', 'QUEUE_UNAVAILABLE', ...BODY_PROBLEMS),
  );
}

export function ApiDropAll(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Give many up, with their files',
      description: 'The oldest first, of those that were previewed and are still dead.',
    }),
    ApiOkResponse({ type: DropBody }),
    ApiProtected('FORBIDDEN', 'CONFLICT', 'QUEUE_UNAVAILABLE', ...BODY_PROBLEMS),
  );
}

export function ApiDrop(): RouteDecorator {
  return applyDecorators(
    ApiOneLetter('Give one up, with its file', 'CONFLICT', ...BODY_PROBLEMS),
    ApiNoContentResponse({ description: 'The file is gone.' }),
  );
}

export function ApiContent(): RouteDecorator {
  return applyDecorators(
    ApiOneLetter('The file of a dead letter', 'CONFLICT'),
    ApiProduces('application/octet-stream'),
    ApiOkResponse({ schema: { type: 'string', format: 'binary' } }),
  );
}
