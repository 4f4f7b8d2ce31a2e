import { describe, expect, it, jest } from '@jest/globals';
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

  it('collects everything once whenever the service has a rest after it was busy', () => {
    jest.useFakeTimers();
    const collected: string[] = [];
    const gc = new MinorGc(({ type }) => collected.push(type));
    gc.endOfStart();
    expect(collected).toEqual(['major']);
    jest.advanceTimersByTime(60_000);
    expect(collected).toEqual(['major']);
    for (let seconds = 0; seconds < 30; seconds += 1) {
      gc.freed(1);
      jest.advanceTimersByTime(1_000);
    }
    expect(collected).toEqual(['major']);
    jest.advanceTimersByTime(20_000);
    expect(collected).toEqual(['major', 'major']);
    jest.advanceTimersByTime(60_000);
    gc.onApplicationShutdown();
    gc.freed(1);
    jest.advanceTimersByTime(60_000);
    expect(collected).toEqual(['major', 'major']);
    jest.useRealTimers();
  });
});
