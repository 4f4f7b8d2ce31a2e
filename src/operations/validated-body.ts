import { ValidationPipe } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';

/**
 * Checks a body against its class. A member that the class does not have is refused: a misspelt one would silently
 * be left out. @throws VALIDATION_ERROR that names every wrong member.
 */
export const validatedBody = new ValidationPipe({
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  exceptionFactory: (errors) => {
    const fields = errors.map(({ property, constraints }) => ({
      field: property,
      message: Object.values(constraints ?? {}).join('; '),
    }));
    const names = fields.map(({ field }) => field).join(', ');
    return new ServiceError('VALIDATION_ERROR', `The request has wrong members: ${names}.`, { fields });
  },
});
