import { Pause } from './pause.js';
import type { UploadJob } from './upload-job.js';

const FIRST_MS = 1_000;
const MOST_MS = 15_000;

/**
 * Asks for the receipts of accepted files, one after the other, until they are stored or given up. A stream of events for each
 * would take the connections that the browser has for this host.
 */
export class Follower {
  private readonly pause = new Pause();
  private readonly never = new AbortController().signal;
  private waitMs = FIRST_MS;
  private isRunning = false;

  constructor(private readonly accepted: () => readonly UploadJob[]) {}

  /** A file was accepted, or there is a token again. */
  start(): void {
    this.waitMs = FIRST_MS;
    this.pause.wake();
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.accepted().length > 0) {
      await this.pause.wait(this.waitMs, this.never);
      this.waitMs = Math.min(this.waitMs * 1.3, MOST_MS);
      await this.look();
    }
    this.isRunning = false;
  }

  private async look(): Promise<void> {
    for (const job of this.accepted()) {
      const problem = await job.follow();
      if (!problem) continue;
      this.waitMs = Math.max(this.waitMs, (problem.retryAfter ?? 0) * 1000);
      return;
    }
  }
}
