import { Inject, Injectable, Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { Environment } from '../config/environment.js';
import { type CheckOutcome, READINESS_CHECKS, type ReadinessCheck } from './readiness-check.js';

/** However long a check may take by configuration, the whole report is out within 5 s. */
const MAX_CHECK_MS = 4_500;

/** Runs the readiness checks, all at once and each with its own timeout. */
@Injectable()
export class CheckRunner {
  private readonly logger = new Logger(CheckRunner.name);
  private readonly timeoutMs: number;
  private readonly down = new Set<string>();

  constructor(
    @Inject(READINESS_CHECKS) private readonly checks: readonly ReadinessCheck[],
    private readonly indicators: HealthIndicatorService,
    config: ConfigService<Environment, true>,
  ) {
    this.timeoutMs = Math.min(config.get('HEALTH_CHECK_TIMEOUT_MS', { infer: true }), MAX_CHECK_MS);
  }

  /** Gives one result for each check, by its name; none of them throws. */
  run(): Promise<HealthIndicatorResult[]> {
    return Promise.all(this.checks.map((check) => this.attempt(check)));
  }

  private async attempt(check: ReadinessCheck): Promise<HealthIndicatorResult> {
    let cause: unknown;
    let remark: string | undefined;
    const session = this.indicators.check(check.name);
    const attempted = await session
      .attempt(async () => {
        const outcome = await outcomeOf(check);
        if (outcome.up) {
          ({ remark } = outcome);
          return;
        }
        cause = outcome.cause;
        throw new Error(outcome.reason);
      })
      .withTimeout(this.timeoutMs);
    const { status, ...details } = {
      ...attempted[check.name],
      critical: check.critical,
      ...(remark !== undefined && { remark }),
    };
    this.logChange(check.name, status === 'up', { ...details, err: cause });
    if (status === 'up') return session.up(details);
    return check.critical ? session.down(details) : session.degraded(details);
  }

  /** One line when something goes down or comes back, instead of one for each probe. */
  private logChange(check: string, up: boolean, details: object): void {
    if (up === !this.down.has(check)) return;
    if (up) {
      this.down.delete(check);
      this.logger.log({ check }, 'Readiness check is up again');
    } else {
      this.down.add(check);
      this.logger.warn({ check, ...details }, 'Readiness check is down');
    }
  }
}

/** Terminus shows the message of what is thrown to whoever asks, so nothing that others have thrown may pass. */
async function outcomeOf(check: ReadinessCheck): Promise<CheckOutcome> {
  try {
    return await check.run();
  } catch (error) {
    return { up: false, reason: 'the check failed', cause: error };
  }
}
