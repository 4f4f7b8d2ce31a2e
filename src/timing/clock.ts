/** Both clocks of a machine; tests put their own in their place. */
export interface Clock {
  /** Milliseconds that never go back: for durations and deadlines. */
  monotonicMs(): number;
  /** Milliseconds since 1970: for what people read. */
  wallMs(): number;
}

export const CLOCK = Symbol('Clock');

export const systemClock: Clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
