import { MAX_TIMER_MS } from '../../config/timer-limit.js';

/**
 * Waits `ms` milliseconds, or rejects with the reason of the first of `signals` that aborts, as soon as it does. Leaves
 * neither a timer nor a listener behind.
 */
export function sleep(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve, reject) => {
    for (const signal of signals) signal.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      stop();
      reject(signals.find(({ aborted }) => aborted)?.reason);
    };
    const timer = setTimeout(
      () => {
        stop();
        resolve();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    for (const signal of signals) signal.addEventListener('abort', onAbort);
  });
}
