/**
 * Gives what `work` gives, or fails with the reason of `signal` as soon as it aborts, at once where it has: undici looks
 * at the signal of a request that still waits for its connection only when it has one. Leaves no listener behind.
 */
export function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    // One that has aborted tells nobody any more.
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
