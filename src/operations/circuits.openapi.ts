import { applyDecorators } from '@nestjs/common';
import {
  ApiDefaultResponse,
  ApiExtraModels,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  getSchemaPath,
} from '@nestjs/swagger';
import { CircuitReportBody } from './circuit-reports.dto.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

/** Documents a route that answers with all circuits, by name. */
export function ApiCircuitsByName(summary: string): RouteDecorator {
  return applyDecorators(
    ApiExtraModels(CircuitReportBody),
    ApiOperation({ summary }),
    ApiOkResponse({
      schema: { type: 'object', additionalProperties: { $ref: getSchemaPath(CircuitReportBody) } },
    }),
  );
}

/** Documents a route that answers with one circuit. */
export function ApiOneCircuit(summary: string): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiOkResponse({ type: CircuitReportBody }),
    ApiNotFoundResponse({ description: 'There is no circuit of that name.' }),
    ApiDefaultResponse({ description: 'A problem (RFC 9457), as `application/problem+json`.' }),
  );
}
