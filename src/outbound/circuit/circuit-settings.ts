import { MOST_CIRCUIT_FAILURES } from '../../config/variables.js';

/** When a circuit opens, how long it stays open and what closes it again. */
export interface CircuitSettings {
  /** Failures within the window that open the circuit: a count, not a rate. At most 10 000. */
  readonly failureThreshold: number;
  /** Milliseconds for which a failure counts. */
  readonly failureWindowMs: number;
  /** Successes that close a half-open circuit, and the number of probes it admits. */
  readonly successThreshold: number;
  /** Milliseconds from opening to the first probe, give or take 10 %. */
  readonly recoveryTimeoutMs: number;
  /** Each failed probe doubles the recovery timeout up to this; equal to it: no doubling. Milliseconds. */
  readonly maxRecoveryTimeoutMs: number;
  /** Milliseconds after which a permit that was not settled counts as failure, where the call sets no other time. */
  readonly permitDeadlineMs: number;
}

export const DEFAULT_CIRCUIT_SETTINGS: CircuitSettings = {
  failureThreshold: 5,
  failureWindowMs: 60_000,
  successThreshold: 2,
  recoveryTimeoutMs: 30_000,
  maxRecoveryTimeoutMs: 300_000,
  permitDeadlineMs: 60_000,
};

/** Recovery timeouts vary by this share, so that circuits that opened together do not probe together. */
const RECOVERY_JITTER = 0.1;

/** Gives back the settings when they make sense. @throws RangeError naming the setting and its value. */
export function checkedCircuitSettings(settings: CircuitSettings): CircuitSettings {
  for (const [name, value] of Object.entries(settings)) requirePositive(name, value);
  requireInteger('failureThreshold', settings.failureThreshold);
  requireInteger('successThreshold', settings.successThreshold);
  if (settings.failureThreshold > MOST_CIRCUIT_FAILURES)
    throw new RangeError(
      `failureThreshold must be at most ${MOST_CIRCUIT_FAILURES}, got ${settings.failureThreshold}`,
    );
  if (settings.maxRecoveryTimeoutMs < settings.recoveryTimeoutMs)
    throw new RangeError(
      `maxRecoveryTimeoutMs must not be below recoveryTimeoutMs (${settings.recoveryTimeoutMs}), ` +
        `got ${settings.maxRecoveryTimeoutMs}`,
    );
  return settings;
}

/** Refuses what is not a finite number above 0. @throws RangeError naming it. */
export function requirePositive(name: string, value: unknown): void {
  if (!Number.isFinite(value) || Number(value) <= 0)
    throw new RangeError(`${name} must be a number above 0, got ${String(value)}`);
}

function requireInteger(name: string, value: number): void {
  if (!Number.isInteger(value)) throw new RangeError(`${name} must be an integer, got ${value}`);
}

/** Milliseconds for which a circuit stays open that opened `openings` times in a row; `random` is in [0, 1). */
export function recoveryTimeoutMs(settings: CircuitSettings, openings: number, random: number): number {
  const doubledMs = settings.recoveryTimeoutMs * 2 ** (openings - 1);
  const jitter = 1 + RECOVERY_JITTER * (2 * random - 1);
  return Math.min(doubledMs, settings.maxRecoveryTimeoutMs) * jitter;
}
