import { Controller, Get, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/public.decorator.js';
import { ApiProblems } from '../errors/problem.openapi.js';
import { sendPage } from '../observability/page.js';
import { DlqReporting } from './dlq-reporting.service.js';
import { DlqReport } from './dlq.dto.js';

/** Tells those who watch over us whether files are left behind. */
@ApiTags('health')
@Public()
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class DlqController {
  constructor(private readonly reporting: DlqReporting) {}

  /**
   * 200 whatever the status: the service goes on. Where the database does not answer within two seconds, it is a problem
   * and not a report: one that has nothing to say would look like good news.
   */
  @Get('dlq')
  @ApiOperation({ summary: 'How many dead letters there are' })
  @ApiOkResponse({ type: DlqReport })
  @ApiProblems('QUEUE_UNAVAILABLE', 'BULKHEAD_FULL')
  async dlq(@Res() response: Response): Promise<void> {
    const { page } = await this.reporting.read();
    sendPage(page, response);
  }
}
