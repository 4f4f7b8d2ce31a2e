import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { NextRun } from './next-run.js';

/** Runs that end when the test says so. */
function heldRuns() {
  const runs: PromiseWithResolvers<string>[] = [];
  const next = new NextRun(() => {
    const run = Promise.withResolvers<string>();
    runs.push(run);
    return run.promise;
  });
  return { next, runs };
}

describe('NextRun', () => {
  it('shares a run among those who ask while one is under way, and never that one', async () => {
    const { next, runs } = heldRuns();
    const first = next.get();
    await setImmediate();
    const late = [next.get(), next.get()];
    await setImmediate();
    expect(runs).toHaveLength(1);
    runs[0]?.resolve('first');
    expect(await first).toBe('first');
    await setImmediate();
    expect(runs).toHaveLength(2);
    runs[1]?.resolve('second');
    expect(await Promise.all(late)).toEqual(['second', 'second']);
    expect(runs).toHaveLength(2);
  });

  it('fails those who share a run that fails, and runs anew for the next', async () => {
    const { next, runs } = heldRuns();
    const first = next.get();
    await setImmediate();
    const second = next.get();
    runs[0]?.reject(new Error('away'));
    await expect(first).rejects.toThrow('away');
    await setImmediate();
    runs[1]?.resolve('back');
    expect(await second).toBe('back');
  });
});
