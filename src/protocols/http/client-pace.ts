import { ServiceError } from '../../errors/service-error.js';

export interface PaceLimits {
  /** Longest time without a byte while we want one, in milliseconds. */
  readonly idleMs: number;
  /** Slowest rate that is served; 0 means any. */
  readonly minBytesPerSecond: number;
  /** Time over which the rate is measured, in milliseconds. */
  readonly windowMs: number;
}

const LONGEST_TICK_MS = 1_000;

/**
 * Watches how fast a client sends. Only time in which we wait for the client counts: while the storage element
 * holds us up, the client cannot send, and that is not its fault. The state is sampled, which costs a large
 * upload nothing per chunk.
 */
export class ClientPace {
  private bytes = 0;
  private bytesAtTick = 0;
  private idleMs = 0;
  private windowMs = 0;
  private windowBytes = 0;
  private readonly tickMs: number;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly limits: PaceLimits,
    private readonly isWaitingForClient: () => boolean,
    private readonly onStalled: (error: ServiceError) => void,
  ) {
    this.tickMs = Math.min(LONGEST_TICK_MS, Math.ceil(limits.idleMs / 4), Math.ceil(limits.windowMs / 4));
    this.timer = setInterval(() => this.tick(), this.tickMs);
    this.timer.unref();
  }

  received(byteCount: number): void {
    this.bytes += byteCount;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const fresh = this.bytes - this.bytesAtTick;
    this.bytesAtTick = this.bytes;
    this.windowBytes += fresh;
    if (!this.isWaitingForClient()) {
      this.idleMs = 0;
      return;
    }
    this.idleMs = fresh > 0 ? 0 : this.idleMs + this.tickMs;
    this.windowMs += this.tickMs;
    if (this.idleMs >= this.limits.idleMs) this.stalled(`sent nothing for ${this.limits.idleMs} ms`);
    else if (this.windowMs >= this.limits.windowMs) this.checkRate();
  }

  private checkRate(): void {
    const needed = (this.limits.minBytesPerSecond * this.windowMs) / 1_000;
    if (this.windowBytes < needed)
      this.stalled(`sent less than ${this.limits.minBytesPerSecond} bytes a second`);
    this.windowMs = 0;
    this.windowBytes = 0;
  }

  private stalled(finding: string): void {
    this.stop();
    this.onStalled(new ServiceError('CLIENT_STALLED', `The client ${finding}.`));
  }
}
