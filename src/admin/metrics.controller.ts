import { Controller, Get, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/public.decorator.js';
import { ApiProblems } from '../errors/problem.openapi.js';
import { Metrics } from '../observability/metrics.service.js';
import { type Page, sendPage } from '../observability/page.js';
import { PublicPages } from '../observability/public-pages.service.js';
import type { SharedResult } from '../observability/shared-result.js';

/** Where Prometheus reads. */
@Controller({ path: 'metrics', version: VERSION_NEUTRAL })
@ApiTags('operations')
@Public()
export class MetricsController {
  private readonly page: SharedResult<Page>;

  constructor(metrics: Metrics, pages: PublicPages) {
    this.page = pages.share(async () => {
      return { status: 200, type: metrics.contentType, body: Buffer.from(await metrics.text()) };
    });
  }

  @Get()
  @ApiOperation({ summary: 'Metrics, in the text format of Prometheus' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProblems('BULKHEAD_FULL')
  async read(@Res() response: Response): Promise<void> {
    sendPage(await this.page.get(), response);
  }
}
