import { Controller, Get, Header, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { AuditTrail } from '../delivery/audit-trail.service.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { AuditBody, auditBody, AuditQuery } from './audit.dto.js';
import { validatedQuery } from './validated-body.js';

/** Shows operators who did what, and why. */
@Controller({ path: 'api/audit', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class AuditController {
  constructor(private readonly audit: AuditTrail) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Who did what, and why; the newest first' })
  @ApiOkResponse({ type: AuditBody })
  @ApiProtected('FORBIDDEN', 'VALIDATION_ERROR', 'QUEUE_UNAVAILABLE')
  async list(@Query(validatedQuery) { limit, cursor, ...filter }: AuditQuery): Promise<AuditBody> {
    return auditBody(await this.audit.list(filter, limit, cursor));
  }
}
