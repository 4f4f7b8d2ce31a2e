import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  HttpStatus,
  Param,
  Post,
  UseInterceptors,
} from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ServiceError } from '../errors/service-error.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import type { CircuitsHealth } from '../outbound/circuit-reports.js';
import { CircuitViews } from '../replicas/circuit-views.service.js';
import { Orders } from '../replicas/orders.service.js';
import { ForceOpenOrder, ResetOrder } from './circuit-orders.dto.js';
import { CircuitReportBody, CircuitSummaryBody, TransitionsBody } from './circuit-reports.dto.js';
import {
  ApiCircuitOrder,
  ApiCircuitsByName,
  ApiCircuitsHealth,
  ApiCircuitsSummary,
  ApiOneCircuit,
  ApiTransitions,
} from './circuits.openapi.js';
import { JsonBodyInterceptor } from './json-body.interceptor.js';
import { validatedBody } from './validated-body.js';

/**
 * Shows operators the circuits, of this replica and as the others see them, and lets them be opened and closed by hand: at
 * all replicas, also those that start later.
 */
@Controller({ path: 'api/resilience', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class CircuitsController {
  constructor(
    private readonly circuits: CircuitBreakers,
    private readonly views: CircuitViews,
    private readonly orders: Orders,
  ) {}

  @Get('circuit-breakers')
  @Header('Cache-Control', 'no-store')
  @ApiCircuitsByName()
  all(): Record<string, CircuitReportBody> {
    return Object.fromEntries(this.circuits.all().map(({ name }) => [name, this.reportOf(name)]));
  }

  @Get('circuit-breakers/:name')
  @Header('Cache-Control', 'no-store')
  @ApiOneCircuit()
  one(@Param('name') name: string): CircuitReportBody {
    return this.reportOf(name);
  }

  @Get('health')
  @Header('Cache-Control', 'no-store')
  @ApiCircuitsHealth()
  health(): CircuitsHealth {
    return this.circuits.health();
  }

  @Get('summary')
  @Header('Cache-Control', 'no-store')
  @ApiCircuitsSummary()
  summary(): CircuitSummaryBody[] {
    return this.circuits.summary();
  }

  @Get('transitions')
  @Header('Cache-Control', 'no-store')
  @ApiTransitions()
  transitions(): TransitionsBody {
    return { transitions: this.views.transitions() };
  }

  @Post('circuit-breakers/:name/reset')
  @HttpCode(HttpStatus.OK)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiCircuitOrder('Close a circuit at all replicas, and forget its failures and what its target asked for')
  async reset(
    @Param('name') name: string,
    @Body(validatedBody) { reason }: ResetOrder,
    @CurrentCaller() { subject }: Caller,
  ): Promise<CircuitReportBody> {
    this.requireCircuit(name);
    await this.orders.give({ kind: 'reset', target: name, reason, by: subject });
    return this.reportOf(name);
  }

  @Post('circuit-breakers/:name/force-open')
  @HttpCode(HttpStatus.OK)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiCircuitOrder('Open a circuit at all replicas, so that no call is made', 'CONFLICT')
  async forceOpen(
    @Param('name') name: string,
    @Body(validatedBody) { reason, ttl_seconds: ttlSeconds }: ForceOpenOrder,
    @CurrentCaller() { subject }: Caller,
  ): Promise<CircuitReportBody> {
    this.requireCircuit(name);
    const ttlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1000;
    await this.orders.give({ kind: 'force-open', target: name, reason, by: subject, ttlMs });
    return this.reportOf(name);
  }

  /** @throws NOT_FOUND */
  private reportOf(name: string): CircuitReportBody {
    return { ...this.requireCircuit(name).report(), replicas: this.views.of(name) };
  }

  /** @throws NOT_FOUND */
  private requireCircuit(name: string): NonNullable<ReturnType<CircuitBreakers['get']>> {
    const circuit = this.circuits.get(name);
    if (!circuit) throw new ServiceError('NOT_FOUND', 'There is no circuit of that name.');
    return circuit;
  }
}
