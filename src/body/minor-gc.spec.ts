import { describe, expect, it } from '@jest/globals';
import { MinorGc } from './minor-gc.js';

const MIB = 1024 * 1024;

describe('MinorGc', () => {
  it('collects once for every 8 MiB that were let go', () => {
    const collected: string[] = [];
    const gc = new MinorGc(({ type }) => collected.push(type));
    for (let i = 0; i < 15; i += 1) gc.freed(MIB);
    expect(collected).toEqual(['minor']);
    gc.freed(MIB);
    expect(collected).toEqual(['minor', 'minor']);
  });
});
