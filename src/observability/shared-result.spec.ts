import { beforeEach, describe, expect, it } from '@jest/globals';
import { SharedResult } from './shared-result.js';

describe('a shared result', () => {
  let nowMs: number;
  let runs: PromiseWithResolvers<string>[];

  beforeEach(() => {
    nowMs = 0;
    runs = [];
  });

  function sharing(maxWaiting = Infinity): SharedResult<string> {
    const work = (): Promise<string> => {
      const run = Promise.withResolvers<string>();
      runs.push(run);
      return run.promise;
    };
    return new SharedResult(work, { maxAgeMs: 1_000, maxWaiting, now: () => nowMs });
  }

  it('is made once for all who ask while it is under way', async () => {
    const shared = sharing();
    const asked = [shared.get(), shared.get(), shared.get()];
    runs[0]?.resolve('a');
    expect(await Promise.all(asked)).toEqual(['a', 'a', 'a']);
    expect(runs).toHaveLength(1);
  });

  it('is given until its time is over, which begins when it is there', async () => {
    const shared = sharing();
    const first = shared.get();
    nowMs = 5_000;
    runs[0]?.resolve('a');
    await first;
    nowMs += 999;
    expect(await shared.get()).toBe('a');
    nowMs += 1;
    const second = shared.get();
    runs[1]?.resolve('b');
    expect(await second).toBe('b');
    expect(runs).toHaveLength(2);
  });

  it('is a failure for as long, where it is one', async () => {
    const shared = sharing();
    const first = shared.get();
    runs[0]?.reject(new Error('away'));
    await expect(first).rejects.toThrow('away');
    await expect(shared.get()).rejects.toThrow('away');
    expect(runs).toHaveLength(1);
    nowMs = 1_000;
    const second = shared.get();
    runs[1]?.resolve('back');
    expect(await second).toBe('back');
  });

  it('is refused to whoever comes when too many wait', async () => {
    const shared = sharing(2);
    const waiting = [shared.get(), shared.get()];
    await expect(shared.get()).rejects.toMatchObject({
      code: 'BULKHEAD_FULL',
      options: { retryAfterMs: 1_000 },
    });
    runs[0]?.resolve('a');
    expect(await Promise.all(waiting)).toEqual(['a', 'a']);
    expect(await Promise.all([shared.get(), shared.get(), shared.get()])).toEqual(['a', 'a', 'a']);
  });

  it('is the last one for whoever comes when too many wait, where that is not old', async () => {
    const shared = sharing(1);
    const first = shared.get();
    runs[0]?.resolve('a');
    await first;
    nowMs = 9_999;
    const second = shared.get();
    expect(await shared.get()).toBe('a');
    nowMs = 10_000;
    await expect(shared.get()).rejects.toMatchObject({ code: 'BULKHEAD_FULL' });
    runs[1]?.resolve('b');
    expect(await second).toBe('b');
  });

  it('is made anew for each who asks when nobody waits, where no time is given', async () => {
    let made = 0;
    const shared = new SharedResult(() => Promise.resolve((made += 1)));
    expect(await Promise.all([shared.get(), shared.get()])).toEqual([1, 1]);
    expect(await shared.get()).toBe(2);
  });
});
