import { Controller, Get, Header, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck } from '@nestjs/terminus';
import type { Response } from 'express';
import { Public } from '../auth/public.decorator.js';
import { ApiProblems } from '../errors/problem.openapi.js';
import { jsonPage, type Page, sendPage } from '../observability/page.js';
import { PublicPages } from '../observability/public-pages.service.js';
import { SERVICE_NAME, serviceVersion } from '../observability/service-version.js';
import type { SharedResult } from '../observability/shared-result.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { Liveness } from './liveness.dto.js';
import { ReadinessService } from './readiness.service.js';

/** Tells an orchestrator whether to restart us (live) and whether to send us work (ready). */
@ApiTags('health')
@Public()
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class HealthController {
  private readonly circuits: SharedResult<Page>;

  constructor(
    private readonly readiness: ReadinessService,
    circuits: CircuitBreakers,
    pages: PublicPages,
  ) {
    this.circuits = pages.share(() => Promise.resolve(jsonPage(circuits.overview())));
  }

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
  @HealthCheck({ noCache: false, swaggerDocumentation: true })
  @ApiOperation({ summary: 'The service can do its work; storage elements have numbers' })
  async ready(@Res() response: Response): Promise<void> {
    const { page, statusPage } = await this.readiness.check();
    sendPage(response.locals.statusOnly === true ? statusPage : page, response);
  }

  /** Always 200: a circuit that is open keeps the service going, and is no reason to send its work elsewhere. */
  @Get('circuit-breakers')
  @ApiOperation({ summary: 'The states of the circuits; storage elements have numbers' })
  @ApiOkResponse({ schema: { type: 'object' } })
  @ApiProblems('BULKHEAD_FULL')
  async circuitBreakers(@Res() response: Response): Promise<void> {
    sendPage(await this.circuits.get(), response);
  }
}
