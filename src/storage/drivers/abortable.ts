/**
 * Gives what `work` gives, or fails with the reason of `signal` as soon as it aborts: undici looks at the signal of
 * a request that still waits for its connection only when it has one. `signal` is to be one of this call alone.
 */
export function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
