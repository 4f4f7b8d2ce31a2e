import { type ValidationError, ValidationPipe, type ValidationPipeOptions } from '@nestjs/common';
import { type FieldError, ServiceError } from '../errors/service-error.js';

const STRICT: ValidationPipeOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  exceptionFactory: (errors) => {
    const fields = errors.flatMap((error) => fieldsOf(error));
    const names = fields.map(({ field }) => field).join(', ');
    return new ServiceError('VALIDATION_ERROR', `The request has wrong members: ${names}.`, { fields });
  },
};

/**
 * Checks a body against its class. A member that the class does not have is refused: a misspelt one would silently
 * be left out. @throws VALIDATION_ERROR that names every wrong member.
 */
export const validatedBody = new ValidationPipe(STRICT);

/** Checks a query likewise, and makes of its texts what the class says. @throws VALIDATION_ERROR */
export const validatedQuery = new ValidationPipe({ ...STRICT, transform: true });

/** A member of a member is named with both: `filter.owner`. */
function fieldsOf({ property, constraints, children = [] }: ValidationError, parent = ''): FieldError[] {
  const field = `${parent}${property}`;
  const own = constraints ? [{ field, message: Object.values(constraints).join('; ') }] : [];
  return [...own, ...children.flatMap((child) => fieldsOf(child, `${field}.`))];
}
