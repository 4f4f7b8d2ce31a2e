import { ValidateIf } from 'class-validator';

/** A member that may be left out. `null` is not that: it is checked, and refused, like any other value. */
export function OptionalMember(): PropertyDecorator {
  return ValidateIf((_: object, value: unknown) => value !== undefined);
}
