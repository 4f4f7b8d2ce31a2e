import { ServiceError } from '../../errors/service-error.js';

/** What is wrong with a header, or with a trailer; `message` goes on after its name. */
export function invalidHeader(field: string, message: string): ServiceError {
  return new ServiceError('VALIDATION_ERROR', `The header ${field} ${message}.`, {
    fields: [{ field, message }],
  });
}
