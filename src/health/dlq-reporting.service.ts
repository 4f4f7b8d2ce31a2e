import { Injectable } from '@nestjs/common';
import { DeadLetters } from '../delivery/dead-letters.service.js';
import { jsonPage, type Page } from '../observability/page.js';
import { PublicPages } from '../observability/public-pages.service.js';
import type { SharedResult } from '../observability/shared-result.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { dlqReport, publicDlqReport } from './dlq-report.js';
import type { DlqReport } from './dlq.dto.js';

/** What is said of the dead letters, as it is told to whom. */
interface DlqReports {
  /** For operators: with storage elements and error codes. */
  readonly report: DlqReport;
  /** For everybody. */
  readonly page: Page;
}

/** Reports the dead letters, at most once a second for all who ask. */
@Injectable()
export class DlqReporting {
  private readonly reports: SharedResult<DlqReports>;

  constructor(letters: DeadLetters, circuits: CircuitBreakers, pages: PublicPages) {
    this.reports = pages.share(async () => {
      const groups = await letters.statistics();
      const report = dlqReport({ groups, circuits: circuits.reports(), now: new Date() });
      return { report, page: jsonPage(publicDlqReport(report)) };
    });
  }

  /** @throws QUEUE_UNAVAILABLE when the database does not answer within two seconds; BULKHEAD_FULL */
  read(): Promise<DlqReports> {
    return this.reports.get();
  }
}
