import { length, ValidateBy, type ValidationOptions } from 'class-validator';

/**
 * A member for which `holds`. Where it does not, `message` is all that is said of it. Several decorators of
 * class-validator would each complain, also where the type alone is wrong.
 */
function Rule(
  message: NonNullable<ValidationOptions['message']>,
  holds: (value: unknown) => boolean,
): PropertyDecorator {
  return ValidateBy({ name: 'rule', validator: { validate: holds } }, { message });
}

export function WholeNumber(min: number, max: number): PropertyDecorator {
  return Rule(
    `$property must be a whole number from ${min} to ${max}`,
    (value) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
  );
}

/** One of these texts. */
export function OneOf(values: readonly string[]): PropertyDecorator {
  return Rule(
    `$property must be one of ${values.join(', ')}`,
    (value) => typeof value === 'string' && values.includes(value),
  );
}

/** A text of 1 to `max` characters that `pattern` fits, which is to say that it is as `like` says. */
export function Text(max: number, pattern?: RegExp, like?: string): PropertyDecorator {
  return Rule(
    `$property must be a text of 1 to ${max} characters${like === undefined ? '' : ` ${like}`}`,
    (value) => typeof value === 'string' && length(value, 1, max) && (pattern?.test(value) ?? true),
  );
}
