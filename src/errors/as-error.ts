import { isNativeError } from 'node:util/types';

/** What was thrown, as an `Error`: JavaScript may throw anything, and libraries do. */
export function asError(thrown: unknown): Error {
  return isNativeError(thrown)
    ? thrown
    : new Error('Something that is no Error was thrown', { cause: thrown });
}
