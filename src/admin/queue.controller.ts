import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { QueueView } from '../delivery/queue-view.service.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { QueueBody } from './queue-reports.dto.js';

/** Shows operators what waits, and for which spool. */
@Controller({ path: 'api/queue', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class QueueController {
  constructor(private readonly queue: QueueView) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'What waits in each lane, and for each spool' })
  @ApiOkResponse({ type: QueueBody })
  @ApiProtected('FORBIDDEN', 'QUEUE_UNAVAILABLE')
  report(): Promise<QueueBody> {
    return this.queue.report();
  }
}
