import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, getSchemaPath } from '@nestjs/swagger';
import type { ErrorCode } from '../errors/catalogue.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import {
  CircuitReportBody,
  CircuitsHealthBody,
  CircuitSummaryBody,
  TransitionsBody,
} from './circuit-reports.dto.js';
import { BODY_PROBLEMS } from './json-body.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

function ApiOfCircuits(summary: string): RouteDecorator {
  return applyDecorators(ApiOperation({ summary }), ApiProtected('FORBIDDEN'));
}

/** Documents a route that answers with all circuits, by name. */
export function ApiCircuitsByName(): RouteDecorator {
  return applyDecorators(
    ApiOfCircuits('All circuits, by name'),
    ApiExtraModels(CircuitReportBody),
    ApiOkResponse({
      schema: { type: 'object', additionalProperties: { $ref: getSchemaPath(CircuitReportBody) } },
    }),
  );
}

export function ApiCircuitsHealth(): RouteDecorator {
  return applyDecorators(
    ApiOfCircuits('All circuits in one word'),
    ApiOkResponse({ type: CircuitsHealthBody }),
  );
}

export function ApiCircuitsSummary(): RouteDecorator {
  return applyDecorators(
    ApiOfCircuits('All circuits, a line for each'),
    ApiOkResponse({ type: [CircuitSummaryBody] }),
  );
}

export function ApiTransitions(): RouteDecorator {
  return applyDecorators(
    ApiOfCircuits('What circuits did lately at all replicas, newest first'),
    ApiOkResponse({ type: TransitionsBody }),
  );
}

/** Documents a route that answers with one circuit. */
export function ApiOneCircuit(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'One circuit' }),
    ApiOkResponse({ type: CircuitReportBody }),
    ApiProtected('FORBIDDEN', 'NOT_FOUND'),
  );
}

/** Documents an order to one circuit, which answers with it. */
export function ApiCircuitOrder(summary: string, ...codes: readonly ErrorCode[]): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiOkResponse({ type: CircuitReportBody }),
    ApiProtected('FORBIDDEN', 'NOT_FOUND', 'QUEUE_UNAVAILABLE', ...codes, ...BODY_PROBLEMS),
  );
}
