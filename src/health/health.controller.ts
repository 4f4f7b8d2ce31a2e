import { Controller, Get, Header, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck } from '@nestjs/terminus';
import type { Response } from 'express';
import { Public } from '../auth/public.decorator.js';
import { SERVICE_NAME, serviceVersion } from '../observability/service-version.js';
import { CircuitBreakers } from '../resilience/circuit-breakers.service.js';
import type { CircuitsOverview } from '../resilience/circuit-reports.js';
import { Liveness } from './liveness.dto.js';
import { ReadinessService } from './readiness.service.js';

/** Tells an orchestrator whether to restart us (live) and whether to send us work (ready). */
@ApiTags('health')
@Public()
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class HealthController {
  constructor(
    private readonly readiness: ReadinessService,
    private readonly circuits: CircuitBreakers,
  ) {}

  /**
   * Says that the process lives, and touches no dependency. It is not a Terminus check: those are all 503 during
   * shutdown, and a process that is draining must not be killed as dead.
   */
  @Get(['', 'live'])
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The process lives' })
  @ApiOkResponse({ type: Liveness })
  live(): Liveness {
    return {
      status: 'healthy',
      timestamp: new Date().toISOString(),
      service: SERVICE_NAME,
      version: serviceVersion(),
    };
  }

  /** Sets the status itself, because a thrown report would be turned into problem details. */
  @Get('ready')
  @HealthCheck()
  @ApiOperation({ summary: 'The service can do its work' })
  async ready(@Res({ passthrough: true }) response: Response): Promise<object> {
    const { ready, report } = await this.readiness.check();
    response.status(ready ? 200 : 503);
    return report;
  }

  /** Always 200: a circuit that is open keeps the service going, and is no reason to send its work elsewhere. */
  @Get('circuit-breakers')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The circuits of what the service calls' })
  @ApiOkResponse({ schema: { type: 'object' } })
  circuitBreakers(): CircuitsOverview {
    return this.circuits.overview();
  }
}
