import type { Clock } from '../../timing/clock.js';

/** One point in time on both clocks: `ms` decides, `wallMs` is shown. */
export interface Moment {
  readonly ms: number;
  readonly wallMs: number;
}

export function momentNow(clock: Clock): Moment {
  return { ms: clock.monotonicMs(), wallMs: clock.wallMs() };
}

/** The moment at `ms` of the monotonic clock, before `now` or after it. */
export function momentAt(ms: number, now: Moment): Moment {
  return ms === now.ms ? now : { ms, wallMs: Math.round(now.wallMs + ms - now.ms) };
}
