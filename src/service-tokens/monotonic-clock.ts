/** Milliseconds since an arbitrary start; never set back, so that durations hold when the wall clock is changed. */
export type MonotonicClock = () => number;

/** Injection token of the clock, so that tests move time by hand. */
export const MONOTONIC_CLOCK = Symbol('MonotonicClock');
