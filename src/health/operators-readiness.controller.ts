import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck } from '@nestjs/terminus';
import type { Response } from 'express';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { ReadinessService } from './readiness.service.js';

/** `GET /health/ready` for operators: with the ids of the storage elements. */
@ApiTags('operations')
@RequirePermission('admin:read')
@Controller({ path: 'api/health', version: '1' })
export class OperatorsReadinessController {
  constructor(private readonly readiness: ReadinessService) {}

  @Get('ready')
  @HealthCheck()
  @ApiOperation({ summary: 'The service can do its work, with every storage element' })
  @ApiProtected('FORBIDDEN')
  async ready(@Res({ passthrough: true }) response: Response): Promise<object> {
    const { status, report } = await this.readiness.check();
    response.status(status);
    return report;
  }
}
