import { describe, expect, it } from '@jest/globals';
import { checkedCircuitSettings, DEFAULT_CIRCUIT_SETTINGS, recoveryTimeoutMs } from './circuit-settings.js';

describe('circuit settings', () => {
  it('are 5 failures in 60 s, 2 successes, 30 s up to 5 min', () => {
    expect(checkedCircuitSettings(DEFAULT_CIRCUIT_SETTINGS)).toMatchObject({
      failureThreshold: 5,
      failureWindowMs: 60_000,
      successThreshold: 2,
      recoveryTimeoutMs: 30_000,
      maxRecoveryTimeoutMs: 300_000,
    });
  });

  it.each([
    [{ failureThreshold: 0 }, 'failureThreshold must be a number above 0, got 0'],
    [{ failureThreshold: 1.5 }, 'failureThreshold must be an integer, got 1.5'],
    [{ failureThreshold: 20_000 }, 'failureThreshold must be at most 10000, got 20000'],
    [{ successThreshold: 0.5 }, 'successThreshold must be an integer, got 0.5'],
    [{ failureWindowMs: Number.NaN }, 'failureWindowMs must be a number above 0, got NaN'],
    [{ permitDeadlineMs: Infinity }, 'permitDeadlineMs must be a number above 0, got Infinity'],
    [{ maxRecoveryTimeoutMs: 1 }, 'maxRecoveryTimeoutMs must not be below recoveryTimeoutMs (30000), got 1'],
  ])('are refused by name and value: %p', (wrong, message) => {
    const settings = { ...DEFAULT_CIRCUIT_SETTINGS, ...wrong };
    expect(() => checkedCircuitSettings(settings)).toThrow(new RangeError(message));
  });

  it('double the recovery timeout with each opening in a row, up to its maximum', () => {
    const timeouts = [1, 2, 3, 4, 5, 2_000].map((openings) =>
      recoveryTimeoutMs(DEFAULT_CIRCUIT_SETTINGS, openings, 0.5),
    );
    expect(timeouts).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  it('do not double it where the maximum is the recovery timeout itself', () => {
    const settings = { ...DEFAULT_CIRCUIT_SETTINGS, maxRecoveryTimeoutMs: 30_000 };
    expect([1, 2, 9].map((openings) => recoveryTimeoutMs(settings, openings, 0.5))).toEqual([
      30_000, 30_000, 30_000,
    ]);
  });

  it('vary the recovery timeout by 10 % both ways', () => {
    expect(recoveryTimeoutMs(DEFAULT_CIRCUIT_SETTINGS, 1, 0)).toBeCloseTo(27_000);
    expect(recoveryTimeoutMs(DEFAULT_CIRCUIT_SETTINGS, 1, 0.999_999_9)).toBeCloseTo(33_000, 1);
  });
});
