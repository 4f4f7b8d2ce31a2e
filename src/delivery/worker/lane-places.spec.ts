import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { placesFor } from './lane-places.js';

const groups = (counts: Record<string, number>): Map<string, number> => new Map(Object.entries(counts));

describe('the places of a lane', () => {
  it('are all but one for one group', () => {
    expect(placesFor(8, 0, groups({}))).toEqual({ limit: 7, without: [] });
    expect(placesFor(8, 7, groups({ slow: 7 }))).toEqual({ limit: 1, without: ['slow'] });
    expect(placesFor(8, 8, groups({ slow: 7, quick: 1 }))).toEqual({ limit: 0, without: ['slow'] });
  });

  it('are filled step by step where two groups wait', () => {
    expect(placesFor(8, 7, groups({ slow: 4, quick: 3 }))).toEqual({ limit: 1, without: [] });
    expect(placesFor(8, 3, groups({ slow: 3 }))).toEqual({ limit: 4, without: [] });
  });

  it('are not kept where there is only one', () => {
    expect(placesFor(1, 0, groups({}))).toEqual({ limit: 1, without: [] });
    expect(placesFor(2, 1, groups({ slow: 1 }))).toEqual({ limit: 1, without: ['slow'] });
  });

  it('are never more than there are, never all for one group, and never all left empty', () => {
    const waiting = fc.array(fc.constantFrom('a', 'b', undefined), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), waiting, (concurrency, tasks) => {
        const running = new Map<string, number>();
        const queue = [...tasks];
        let begun = 0;
        for (;;) {
          const { limit, without } = placesFor(concurrency, begun, running);
          const taken = queue
            .filter((group) => group === undefined || !without.includes(group))
            .slice(0, limit);
          if (taken.length === 0) break;
          for (const group of taken) {
            queue.splice(queue.indexOf(group), 1);
            begun += 1;
            if (group !== undefined) running.set(group, (running.get(group) ?? 0) + 1);
          }
        }
        expect(begun).toBeLessThanOrEqual(concurrency);
        const most = Math.max(0, ...running.values());
        if (concurrency > 1) expect(most).toBeLessThan(concurrency);
        if (queue.some((group) => group === undefined)) expect(begun).toBe(concurrency);
        if (queue.length > 0) expect(begun).toBeGreaterThan(0);
      }),
    );
  });
});
