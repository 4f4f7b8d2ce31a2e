import { Controller, Get, Header, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/public.decorator.js';
import { ApiProblems } from '../errors/problem.openapi.js';
import type { DeadLetterGroup } from '../delivery/dead-letter.js';
import { DeadLetters } from '../delivery/dead-letters.service.js';
import { CircuitBreakers } from '../resilience/circuit-breakers.service.js';
import { dlqReport } from './dlq-report.js';
import { DlqReport } from './dlq.dto.js';
import { singleFlight } from './single-flight.js';

/** Tells those who watch over us whether files are left behind, and why. */
@ApiTags('health')
@Public()
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class DlqController {
  private readonly statistics: () => Promise<DeadLetterGroup[]>;

  constructor(
    letters: DeadLetters,
    private readonly circuits: CircuitBreakers,
  ) {
    this.statistics = singleFlight(() => letters.statistics());
  }

  /**
   * 200 whatever the status: the service goes on. Where the database does not answer within two seconds, it is a problem
   * and not a report: one that has nothing to say would look like good news.
   */
  @Get('dlq')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The dead letters, and what they come from' })
  @ApiOkResponse({ type: DlqReport })
  @ApiProblems('QUEUE_UNAVAILABLE')
  async dlq(): Promise<DlqReport> {
    const groups = await this.statistics();
    return dlqReport({ groups, circuits: this.circuits.reports(), now: new Date() });
  }
}
