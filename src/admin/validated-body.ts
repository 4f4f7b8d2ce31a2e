import {
  type ArgumentMetadata,
  type ValidationError,
  ValidationPipe,
  type ValidationPipeOptions,
} from '@nestjs/common';
import { type FieldError, ServiceError } from '../errors/service-error.js';

/** class-validator takes a member for one of the class when every object inherits one of that name. */
class StrictPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const names = [...inheritedNames(value)];
    const checked: unknown = await super.transform(value, metadata);
    if (names.length === 0) return checked;
    throw wrongMembers(names.map((field) => ({ field, message: `property ${field} should not exist` })));
  }
}

const STRICT: ValidationPipeOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  exceptionFactory: (errors) => wrongMembers(errors.flatMap((error) => fieldsOf(error))),
};

/**
 * Checks a body against its class. A member that the class does not have is refused: a misspelt one would silently
 * be left out. @throws VALIDATION_ERROR that names every wrong member.
 */
export const validatedBody = new StrictPipe(STRICT);

/** Checks a query likewise, and makes of its texts what the class says. @throws VALIDATION_ERROR */
export const validatedQuery = new StrictPipe({ ...STRICT, transform: true });

function wrongMembers(fields: FieldError[]): ServiceError {
  const names = fields.map(({ field }) => field).join(', ');
  return new ServiceError('VALIDATION_ERROR', `The request has wrong members: ${names}.`, { fields });
}

function* inheritedNames(value: unknown, parent = ''): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (name in Object.prototype) yield parent + name;
    yield* inheritedNames(member, `${parent}${name}.`);
  }
}

/** A member of a member is named with both: `filter.owner`. */
function fieldsOf({ property, constraints, children = [] }: ValidationError, parent = ''): FieldError[] {
  const field = `${parent}${property}`;
  const own = constraints ? [{ field, message: Object.values(constraints).join('; ') }] : [];
  return [...own, ...children.flatMap((child) => fieldsOf(child, `${field}.`))];
}
