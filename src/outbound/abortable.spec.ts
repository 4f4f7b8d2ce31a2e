import { describe, expect, it } from '@jest/globals';
import { abortable } from './abortable.js';

const endless = new Promise<never>(() => undefined);

describe('abortable', () => {
  it('gives what the work gives, or fails as it does', async () => {
    const { signal } = new AbortController();
    expect(await abortable(signal, Promise.resolve('done'))).toBe('done');
    await expect(abortable(signal, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  it('fails with the reason of the signal when that aborts', async () => {
    const controller = new AbortController();
    const waiting = abortable(controller.signal, endless);
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });

  it('fails at once where the signal has aborted, and takes no notice of how the work ends', async () => {
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(abortable(signal, endless)).rejects.toThrow('gone');
    const { promise, reject } = Promise.withResolvers<never>();
    await expect(abortable(signal, promise)).rejects.toThrow('gone');
    reject(new Error('broken'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
