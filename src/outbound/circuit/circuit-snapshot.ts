import { type Moment, momentAt } from './circuit-moment.js';
import { type CircuitSettings, RECOVERY_JITTER } from './circuit-settings.js';
import type { CircuitState, Forced } from './circuit-state.js';

/** What of a circuit outlives the process: plain JSON; times in milliseconds since 1970, as no other clock does. */
export type CircuitSnapshot = ClosedSnapshot | OpenSnapshot;

interface ClosedSnapshot {
  readonly state: 'closed';
  /** Failures within the window, the oldest first. */
  readonly failuresAtMs: readonly number[];
}

interface OpenSnapshot {
  readonly state: 'open';
  readonly failuresAtMs: readonly number[];
  readonly openedAtMs: number;
  /** null: only a reset ends it. */
  readonly retryAtMs: number | null;
  /** How often it opened in a row, which the doubled recovery timeout goes by. */
  readonly openings: number;
  readonly forced?: Forced;
}

/** What a snapshot is made of; `failuresAtMs` on the monotonic clock. */
interface Saved {
  readonly state: CircuitState;
  readonly failuresAtMs: readonly number[];
  readonly openings: number;
}

/** Half-open is saved as open and due now: the probes under way are lost with the process. */
export function snapshotOf({ state, failuresAtMs, openings }: Saved, now: Moment): CircuitSnapshot {
  const failures = failuresAtMs.map((ms) => momentAt(ms, now).wallMs);
  if (state.kind === 'closed') return { state: 'closed', failuresAtMs: failures };
  const open = { state: 'open', failuresAtMs: failures, openedAtMs: state.openedAtWallMs, openings } as const;
  if (state.kind === 'half_open') return { ...open, retryAtMs: now.wallMs };
  return { ...open, retryAtMs: state.retryAt?.wallMs ?? null, ...(state.forced && { forced: state.forced }) };
}

/** The state that was saved. A wall clock that was set back meanwhile does not keep a circuit open for longer. */
export function stateOf(
  snapshot: CircuitSnapshot,
  now: Moment,
  settings: CircuitSettings,
): Exclude<CircuitState, { kind: 'half_open' }> {
  if (snapshot.state === 'closed') return { kind: 'closed', successes: 0 };
  const { forced, openedAtMs: openedAtWallMs, retryAtMs } = snapshot;
  if (forced && retryAtMs === null) return { kind: 'open', openedAtWallMs, retryAt: undefined, forced };
  const leftMs = Math.max(0, (retryAtMs ?? 0) - now.wallMs);
  const longestMs = forced ? Infinity : settings.maxRecoveryTimeoutMs * (1 + RECOVERY_JITTER);
  return {
    kind: 'open',
    openedAtWallMs,
    retryAt: momentAt(now.ms + Math.min(leftMs, longestMs), now),
    forced,
  };
}

/** The monotonic times of the saved failures; one from the future of a clock that was set back is of now. */
export function failureTimesOf(snapshot: CircuitSnapshot, now: Moment): number[] {
  return snapshot.failuresAtMs.map((wallMs) => now.ms - Math.max(0, now.wallMs - wallMs));
}
