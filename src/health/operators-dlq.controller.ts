import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { DlqReporting } from './dlq-reporting.service.js';
import { DlqReport } from './dlq.dto.js';

/** `GET /health/dlq` for operators: with what the dead letters come from. */
@ApiTags('operations')
@RequirePermission('admin:read')
@Controller({ path: 'api/health', version: '1' })
export class OperatorsDlqController {
  constructor(private readonly reporting: DlqReporting) {}

  @Get('dlq')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The dead letters, and what they come from' })
  @ApiOkResponse({ type: DlqReport })
  @ApiProtected('FORBIDDEN', 'QUEUE_UNAVAILABLE', 'BULKHEAD_FULL')
  async dlq(): Promise<DlqReport> {
    const { report } = await this.reporting.read();
    return report;
  }
}
