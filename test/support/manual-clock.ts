import type { Clock } from '../../src/timing/clock.js';

/** A clock that stands still until it is told. Both clocks start at different times, as real ones do. */
export class ManualClock implements Clock {
  constructor(
    private nowMs = 5_000,
    private nowWallMs = Date.parse('2026-11-20T10:00:00.000Z'),
  ) {}

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowWallMs;
  }

  /** Time passes. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.nowWallMs += ms;
  }

  /** Somebody sets the wall clock, by so much forward or back. */
  setWallBy(ms: number): void {
    this.nowWallMs += ms;
  }
}
