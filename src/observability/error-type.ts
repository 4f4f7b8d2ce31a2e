import { ServiceError } from '../errors/service-error.js';
import { toServiceError } from '../errors/to-service-error.js';

/** What a span says of an error: our code; or the name of one that is for us alone, as that a task was taken over. */
export function errorTypeOf(error: unknown): string {
  const { code } = toServiceError(error);
  if (code !== 'INTERNAL_ERROR' || !(error instanceof Error) || error instanceof ServiceError) return code;
  return Object.hasOwn(error, 'name') ? error.name : code;
}
