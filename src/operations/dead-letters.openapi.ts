import { applyDecorators } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiConflictResponse,
  ApiDefaultResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiTooManyRequestsResponse,
} from '@nestjs/swagger';
import {
  DeadLetterBody,
  DeadLetterHistoryBody,
  DeadLetterPageBody,
  RedeliveryBody,
} from './dead-letter-reports.dto.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

const ApiProblem = (): RouteDecorator =>
  ApiDefaultResponse({ description: 'A problem (RFC 9457), as `application/problem+json`.' });

function ApiOneLetter(summary: string): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiParam({ name: 'id', format: 'uuid' }),
    ApiNotFoundResponse({ description: 'There is no dead letter with this id.' }),
    ApiProblem(),
  );
}

const ApiNotDead = (): RouteDecorator =>
  ApiConflictResponse({ description: 'It is dead no more, as when somebody else was faster.' });

export function ApiDeadLetters(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'What could not be delivered or registered, the newest first' }),
    ApiOkResponse({ type: DeadLetterPageBody }),
    ApiProblem(),
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
    ApiOneLetter('Have one tried again'),
    ApiAcceptedResponse({ type: DeadLetterBody }),
    ApiNotDead(),
  );
}

export function ApiRedeliverAll(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Have many tried again, one after the other',
      description: 'The oldest first. The next such order is taken when the last of them is due.',
    }),
    ApiAcceptedResponse({ type: RedeliveryBody }),
    ApiTooManyRequestsResponse({ description: 'The order before is being carried out; see `Retry-After`.' }),
    ApiProblem(),
  );
}

export function ApiDrop(): RouteDecorator {
  return applyDecorators(
    ApiOneLetter('Give one up, with its file'),
    ApiNoContentResponse({ description: 'The file is gone.' }),
    ApiNotDead(),
  );
}

export function ApiContent(): RouteDecorator {
  return applyDecorators(
    ApiOneLetter('The file of a dead letter'),
    ApiProduces('application/octet-stream'),
    ApiOkResponse({ schema: { type: 'string', format: 'binary' } }),
  );
}
