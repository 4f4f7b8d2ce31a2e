import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreaker } from './circuit-breaker.js';
import { CircuitListeners } from './circuit-listeners.js';
import { DEFAULT_CIRCUIT_SETTINGS } from './circuit-settings.js';
import { systemClock } from '../../timing/clock.js';

const CYCLES = 300_000;

describe('CircuitBreaker, under many calls', () => {
  let breaker: CircuitBreaker;

  beforeEach(() => {
    const listeners = new CircuitListeners(() => undefined);
    breaker = new CircuitBreaker('se-01', {
      settings: DEFAULT_CIRCUIT_SETTINGS,
      clock: systemClock,
      listeners,
    });
  });

  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  function heapBytes(): number {
    collect();
    return process.memoryUsage().heapUsed;
  }

  function cycle(count: number): void {
    const answer = breaker.tryAcquire();
    if (!answer.admitted) return;
    if (count % 10 === 0) answer.failure();
    else if (count % 3 === 0) answer.release();
    else answer.success();
  }

  it('keeps memory flat over 300 000 calls, admitted or rejected', () => {
    for (let count = 0; count < CYCLES / 10; count += 1) cycle(count);
    const before = heapBytes();
    for (let count = 0; count < CYCLES; count += 1) {
      if (count % 1_000 === 0) breaker.reset({ by: 'test' });
      cycle(count);
    }
    expect(heapBytes() - before).toBeLessThan(256 * 1024);
    const { success, failure, neutral, rejected } = breaker.totals;
    expect(success + failure + neutral + rejected).toBe(CYCLES * 1.1);
  });
});
