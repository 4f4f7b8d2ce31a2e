import type { Clock } from '../../timing/clock.js';

export interface TotalTimeSettings {
  /** Milliseconds that a call of no bytes has. */
  readonly baseMs: number;
  /** Slowest rate at which a call may move its bytes and still be finished. */
  readonly minBytesPerSecond: number;
  /** Longest time for any call, in milliseconds; also that of a call whose size is not known. */
  readonly maxMs: number;
}

/** Milliseconds that a call has that moves `bytes` bytes, all its attempts and waiting included. */
export function totalTimeMs(bytes: number | undefined, settings: TotalTimeSettings): number {
  const { baseMs, minBytesPerSecond, maxMs } = settings;
  return bytes === undefined ? maxMs : Math.min(maxMs, baseMs + (bytes / minBytesPerSecond) * 1_000);
}

/** A moment on the monotonic clock at which something must be over, however the wall clock is changed. */
export class Deadline {
  private constructor(
    readonly atMs: number,
    private readonly clock: Clock,
  ) {}

  /** The moment `ms` milliseconds from now. */
  static in(ms: number, clock: Clock): Deadline {
    return new Deadline(clock.monotonicMs() + ms, clock);
  }

  /** Milliseconds left; 0 when it has passed. */
  get remainingMs(): number {
    return Math.max(0, this.atMs - this.clock.monotonicMs());
  }

  get hasPassed(): boolean {
    return this.remainingMs === 0;
  }
}
