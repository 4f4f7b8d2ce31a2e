import { ServiceError } from '../../errors/service-error.js';

const RETRY_AFTER_MS = 5_000;

/** Gives up waiting for the database after `ms` milliseconds; what it does goes on. @throws QUEUE_UNAVAILABLE */
export async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new ServiceError('QUEUE_UNAVAILABLE', 'The database does not answer.', {
        retryAfterMs: RETRY_AFTER_MS,
      }),
    );
  }, ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
