import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ServiceError } from '../../errors/service-error.js';
import { ClientPace } from './client-pace.js';

const LIMITS = { idleMs: 30_000, minBytesPerSecond: 1_000, windowMs: 60_000 };

describe('ClientPace', () => {
  const onStalled = jest.fn<(error: ServiceError) => void>();
  let waitsForClient = true;
  let pace: ClientPace;

  beforeEach(() => {
    jest.useFakeTimers();
    onStalled.mockClear();
    waitsForClient = true;
    pace = new ClientPace(LIMITS, () => waitsForClient, onStalled);
  });

  afterEach(() => {
    pace.stop();
    jest.useRealTimers();
  });

  const sendFor = (seconds: number, bytesPerSecond: number): void => {
    for (let second = 0; second < seconds; second++) {
      pace.received(bytesPerSecond);
      jest.advanceTimersByTime(1_000);
    }
  };

  it('reports a client that sends nothing for the idle limit', () => {
    jest.advanceTimersByTime(29_000);
    expect(onStalled).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1_000);
    expect(onStalled.mock.calls[0]?.[0].code).toBe('CLIENT_STALLED');
  });

  it('starts the idle time again with every byte', () => {
    jest.advanceTimersByTime(29_000);
    sendFor(1, 100_000);
    jest.advanceTimersByTime(29_000);
    expect(onStalled).not.toHaveBeenCalled();
  });

  it('reports a client that drips under the minimum rate', () => {
    sendFor(60, 999);
    expect(onStalled).toHaveBeenCalledTimes(1);
  });

  it('lets a client at the minimum rate go on', () => {
    sendFor(600, 1_000);
    expect(onStalled).not.toHaveBeenCalled();
  });

  it('does not blame the client for time in which the storage element holds it up', () => {
    waitsForClient = false;
    jest.advanceTimersByTime(600_000);
    waitsForClient = true;
    jest.advanceTimersByTime(29_000);
    expect(onStalled).not.toHaveBeenCalled();
  });

  it('reports once and is silent after it has been stopped', () => {
    jest.advanceTimersByTime(120_000);
    expect(onStalled).toHaveBeenCalledTimes(1);
    const stopped = new ClientPace(LIMITS, () => true, onStalled);
    stopped.stop();
    jest.advanceTimersByTime(120_000);
    expect(onStalled).toHaveBeenCalledTimes(1);
  });
});
