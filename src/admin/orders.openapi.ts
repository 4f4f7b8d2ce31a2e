import { applyDecorators } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
} from '@nestjs/swagger';
import { ApiProtected } from '../errors/problem.openapi.js';
import { BODY_PROBLEMS } from './json-body.js';
import { OrderBody, OrdersBody } from './orders.dto.js';
import { ReplicasBody } from './replicas.dto.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

export function ApiReplicas(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'The processes that share the database',
      description: 'Each says every five seconds how it is; the one that answers is told as it is now.',
    }),
    ApiOkResponse({ type: ReplicasBody }),
    ApiProtected('FORBIDDEN'),
  );
}

export function ApiOrders(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'The orders that hold, oldest first' }),
    ApiOkResponse({ type: OrdersBody }),
    ApiProtected('FORBIDDEN'),
  );
}

export function ApiGiveOrder(): RouteDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Order something of all replicas, or drain one',
      description:
        'The replica that answers has done it, the others do within five seconds, and those that start later too. A newer order takes the place of an earlier one of the same circuit, or to drain the same.',
    }),
    ApiCreatedResponse({ type: OrderBody }),
    ApiProtected('FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'QUEUE_UNAVAILABLE', ...BODY_PROBLEMS),
  );
}

export function ApiLiftOrder(): RouteDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'Lift an order', description: 'A circuit that it has opened is reset.' }),
    ApiParam({ name: 'id', format: 'uuid' }),
    ApiNoContentResponse({ description: 'It does not hold any more.' }),
    ApiProtected('FORBIDDEN', 'NOT_FOUND', 'QUEUE_UNAVAILABLE', ...BODY_PROBLEMS),
  );
}
