import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  HttpStatus,
  Param,
  Post,
  UseInterceptors,
} from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ServiceError } from '../errors/service-error.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { Orders } from '../replicas/orders.service.js';
import { JsonBodyInterceptor } from './json-body.interceptor.js';
import { LiftedOrder, NewOrder, type OrderBody, type OrdersBody } from './orders.dto.js';
import { ApiGiveOrder, ApiLiftOrder, ApiOrders } from './orders.openapi.js';
import { validatedBody } from './validated-body.js';

/** Lets operators order something of all replicas, and lift it again. */
@Controller({ path: 'api/orders', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class OrdersController {
  constructor(
    private readonly orders: Orders,
    private readonly circuits: CircuitBreakers,
  ) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOrders()
  async list(): Promise<OrdersBody> {
    return { orders: await this.orders.current() };
  }

  @Post()
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiGiveOrder()
  async give(@Body(validatedBody) order: NewOrder, @CurrentCaller() { subject }: Caller): Promise<OrderBody> {
    requireFitting(order);
    const { kind, target, reason, ttl_seconds: ttlSeconds } = order;
    if (target !== undefined && !this.circuits.get(target))
      throw new ServiceError('NOT_FOUND', 'There is no circuit of that name.');
    return this.orders.give({
      kind,
      target,
      replicaId: replicaIdOf(order),
      reason,
      by: subject,
      ttlMs: ttlSeconds === undefined ? undefined : ttlSeconds * 1000,
    });
  }

  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiLiftOrder()
  async lift(
    @Param('id') id: string,
    @Body(validatedBody) { reason }: LiftedOrder,
    @CurrentCaller() { subject }: Caller,
  ): Promise<void> {
    if (!isUuid(id)) throw new ServiceError('NOT_FOUND', 'No order with this id holds.');
    await this.orders.lift(id.toLowerCase(), subject, reason);
  }
}

/** @throws VALIDATION_ERROR where a member is missing, or is none of this kind of order. */
function requireFitting({ kind, target, replica_id: replicaId, ttl_seconds: ttlSeconds }: NewOrder): void {
  const isDrain = kind === 'drain';
  if (isDrain && target !== undefined) throw wrong('target', 'is not for a drain');
  if (!isDrain && target === undefined) throw wrong('target', 'must name a circuit');
  if (!isDrain && replicaId !== undefined) throw wrong('replica_id', 'is for a drain alone');
  if (kind === 'reset' && ttlSeconds !== undefined) throw wrong('ttl_seconds', 'is not for a reset');
}

function wrong(field: string, what: string): ServiceError {
  return new ServiceError('VALIDATION_ERROR', `The request has wrong members: ${field}.`, {
    fields: [{ field, message: `${field} ${what}` }],
  });
}

/** @throws NOT_FOUND for what cannot be an id. */
function replicaIdOf({ replica_id: id }: NewOrder): string | undefined {
  if (id !== undefined && !isUuid(id))
    throw new ServiceError('NOT_FOUND', 'There is no replica with this id.');
  return id?.toLowerCase();
}
