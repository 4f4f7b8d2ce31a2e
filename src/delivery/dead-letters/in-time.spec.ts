import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inTime } from './in-time.js';

describe('inTime', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('gives what the work gives', async () => {
    await expect(inTime(1_000, Promise.resolve(7))).resolves.toBe(7);
    await expect(inTime(1_000, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('gives up after its time', async () => {
    const late = inTime(1_000, new Promise(() => undefined));
    jest.advanceTimersByTime(1_000);
    await expect(late).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE', options: { retryAfterMs: 5_000 } });
    expect(jest.getTimerCount()).toBe(0);
  });
});
