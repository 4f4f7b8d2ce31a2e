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
import type { CircuitReport, CircuitsHealth } from '../outbound/circuit-reports.js';
import { ForcedCircuits } from '../outbound/forced-circuits.service.js';
import { ForceOpenOrder, ResetOrder } from './circuit-orders.dto.js';
import { CircuitSummaryBody } from './circuit-reports.dto.js';
import {
  ApiCircuitOrder,
  ApiCircuitsByName,
  ApiCircuitsHealth,
  ApiCircuitsSummary,
  ApiOneCircuit,
} from './circuits.openapi.js';
import { JsonBodyInterceptor } from './json-body.interceptor.js';
import { validatedBody } from './validated-body.js';

/**
 * Shows operators the circuits and lets them be opened and closed by hand, which outlives a restart; the registry logs
 * who did it.
 */
@Controller({ path: 'api/resilience', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class CircuitsController {
  constructor(
    private readonly circuits: CircuitBreakers,
    private readonly forced: ForcedCircuits,
  ) {}

  @Get('circuit-breakers')
  @Header('Cache-Control', 'no-store')
  @ApiCircuitsByName()
  all(): Record<string, CircuitReport> {
    return this.circuits.reports();
  }

  @Get('circuit-breakers/:name')
  @Header('Cache-Control', 'no-store')
  @ApiOneCircuit()
  one(@Param('name') name: string): CircuitReport {
    return this.named(name).report();
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

  @Post('circuit-breakers/:name/reset')
  @HttpCode(HttpStatus.OK)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiCircuitOrder('Close a circuit, and forget its failures and what its target asked for')
  async reset(
    @Param('name') name: string,
    @Body(validatedBody) { reason }: ResetOrder,
    @CurrentCaller() caller: Caller,
  ): Promise<CircuitReport> {
    const circuit = this.named(name);
    circuit.reset({ by: caller.subject, reason });
    await this.forced.saved();
    return circuit.report();
  }

  @Post('circuit-breakers/:name/force-open')
  @HttpCode(HttpStatus.OK)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiCircuitOrder('Open a circuit, so that no call is made')
  async forceOpen(
    @Param('name') name: string,
    @Body(validatedBody) { reason, ttl_seconds: ttlSeconds }: ForceOpenOrder,
    @CurrentCaller() caller: Caller,
  ): Promise<CircuitReport> {
    const circuit = this.named(name);
    circuit.forceOpen({
      by: caller.subject,
      reason,
      ttlMs: ttlSeconds === undefined ? undefined : ttlSeconds * 1000,
    });
    await this.forced.saved();
    return circuit.report();
  }

  /** @throws NOT_FOUND */
  private named(name: string): NonNullable<ReturnType<CircuitBreakers['get']>> {
    const circuit = this.circuits.get(name);
    if (!circuit) throw new ServiceError('NOT_FOUND', 'There is no circuit of that name.');
    return circuit;
  }
}
