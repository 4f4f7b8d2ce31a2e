import { describe, expect, it } from '@jest/globals';
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { MinorGc } from './minor-gc.js';

const MIB = 1024 * 1024;

/** The types do not know what Node says of a collection. */
function kindOf(entry: object): unknown {
  const detail: unknown = 'detail' in entry ? entry.detail : undefined;
  return typeof detail === 'object' && detail !== null && 'kind' in detail ? detail.kind : undefined;
}

describe('MinorGc', () => {
  it('collects once for every 8 MiB that were let go', () => {
    const collected: string[] = [];
    const gc = new MinorGc(({ type }) => collected.push(type));
    for (let i = 0; i < 15; i += 1) gc.freed(MIB);
    expect(collected).toEqual(['minor']);
    gc.freed(MIB);
    expect(collected).toEqual(['minor', 'minor']);
  });

  it('has V8 run minor collections', async () => {
    const kinds: unknown[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) kinds.push(kindOf(entry));
    });
    observer.observe({ entryTypes: ['gc'] });
    const gc = new MinorGc();
    for (let i = 0; i < 10; i += 1) gc.freed(8 * MIB);
    await sleep(20);
    observer.disconnect();
    const minor = kinds.filter((kind) => kind === constants.NODE_PERFORMANCE_GC_MINOR);
    expect(minor.length).toBeGreaterThanOrEqual(10);
  });
});
