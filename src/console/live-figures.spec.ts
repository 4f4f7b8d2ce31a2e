import { describe, expect, it } from '@jest/globals';
import type { DeadLetterBulk } from '../delivery/dead-letter-bulk.service.js';
import type { QueueView } from '../delivery/queue-view.service.js';
import { LiveFigures } from './live-figures.service.js';

describe('LiveFigures', () => {
  it('says when the database was read, also while it is left alone after a reading that took long', async () => {
    let readings = 0;
    const report = async (): Promise<object> => {
      readings += 1;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return { lanes: [], spools: [] };
    };
    const groups = (): Promise<readonly object[]> => Promise.resolve([]);
    const figures = new LiveFigures(
      { report } as unknown as QueueView,
      { groups } as unknown as DeadLetterBulk,
    );
    const before = Date.now();
    const first = await figures.take();
    const readAt = Date.parse(first?.database_at ?? '');
    expect(readAt).toBeGreaterThanOrEqual(before);
    expect(readAt).toBeLessThanOrEqual(Date.now());
    expect((await figures.take())?.database_at).toBe(first?.database_at);
    expect(readings).toBe(1);
  });
});
