import { isArray, IsIn, isObject, IsOptional, IsString, MaxLength, validateSync } from 'class-validator';
import { type FieldError, ServiceError } from '../errors/service-error.js';
import { exceedsNesting } from '../errors/json-depth.js';
import { repeatsMember } from '../errors/json-members.js';
import { parseKeepingNumbers } from '../errors/json-numbers.js';
import { isStorable } from '../errors/json-text.js';
import { Rule, WholeNumber } from '../errors/rule.decorator.js';
import type { RetentionPolicy } from '../storage/storage-element.js';

const DEFAULT_TTL_DAYS = 30;
/** Whoever writes or reads `metadata` later goes down by recursion. */
const MOST_LEVELS = 32;
/** What becomes of a text that is not valid JSON. */
const NOT_JSON = Symbol('not JSON');

function JsonPart(kind: string, holds: (value: unknown) => boolean): PropertyDecorator {
  return Rule(
    ({ value }) => `$property ${value === NOT_JSON ? 'is not valid JSON' : `must be a JSON ${kind}`}`,
    holds,
  );
}

/** The text parts of an upload, after their types have been read from the text. */
export class UploadFields {
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description: string | null = null;

  @IsIn(['temporary', 'permanent'])
  retention_policy: RetentionPolicy = 'temporary';

  @IsOptional()
  @WholeNumber(1, 365)
  ttl_days: number | null = null;

  @JsonPart('array of strings', (value) => isArray(value) && value.every((tag) => typeof tag === 'string'))
  tags: string[] = [];

  /** Numbers that JavaScript cannot hold are kept as text in it (`parseKeepingNumbers`). */
  @JsonPart('object', isObject)
  metadata: Record<string, unknown> = {};
}

/** How the text of a part becomes a value; what cannot be read stays text or is `NOT_JSON`, and validation names the field. */
const READERS: Record<keyof UploadFields, (text: string) => unknown> = {
  description: (text) => text,
  retention_policy: (text) => text,
  ttl_days: (text) => (/^[+-]?\d+$/.test(text.trim()) ? Number(text) : text),
  tags: readJson,
  metadata: readMetadata,
};

export function isUploadField(name: string): name is keyof UploadFields {
  return Object.hasOwn(READERS, name);
}

/**
 * Fills in the defaults. A part without text is a part that is not there: that is how a browser sends an input
 * that was left blank.
 * @throws VALIDATION_ERROR that names every wrong field.
 */
export function readUploadFields(texts: ReadonlyMap<keyof UploadFields, string>): UploadFields {
  const fields = new UploadFields();
  const given = [...texts].filter(([, text]) => text !== '');
  for (const [name, text] of given) Object.assign(fields, { [name]: READERS[name](text) });
  if (given.length > 0) {
    checkStorable(fields, given);
    check(fields);
  }
  if (fields.retention_policy === 'temporary') fields.ttl_days ??= DEFAULT_TTL_DAYS;
  return fields;
}

/** @throws VALIDATION_ERROR for what no storage element and no row could hold as it was written */
function checkStorable(fields: UploadFields, given: readonly [keyof UploadFields, string][]): void {
  const errors = given.flatMap(([field, text]): FieldError[] => {
    const message = whyNotStorable(fields[field], text);
    return message === undefined ? [] : [{ field, message }];
  });
  if (errors.length > 0) throw invalidFields(errors);
}

function whyNotStorable(value: unknown, text: string): string | undefined {
  if (exceedsNesting(value, MOST_LEVELS)) return `must not have more than ${MOST_LEVELS} levels`;
  if (!isStorable(value)) return 'must hold neither NUL nor half of a surrogate pair';
  const isJson = typeof value === 'object';
  return isJson && repeatsMember(text) ? 'must not have two members of the same name' : undefined;
}

function check(fields: UploadFields): void {
  const errors: FieldError[] = validateSync(fields, { forbidUnknownValues: true }).map(
    ({ property, constraints }) => ({
      field: property,
      message: Object.values(constraints ?? {}).join('; '),
    }),
  );
  if (fields.retention_policy === 'permanent' && fields.ttl_days !== null) {
    errors.push({ field: 'ttl_days', message: 'must not be given with retention_policy "permanent"' });
  }
  if (errors.length > 0) throw invalidFields(errors);
}

export function invalidFields(fields: readonly FieldError[]): ServiceError {
  const names = fields.map(({ field }) => field).join(', ');
  return new ServiceError('VALIDATION_ERROR', `The upload has wrong fields: ${names}.`, { fields });
}

function readMetadata(text: string): unknown {
  const value = readJson(text);
  // What is too deep is refused, and must not be gone through by recursion before.
  const isReadable = typeof value === 'object' && !exceedsNesting(value, MOST_LEVELS);
  return isReadable ? parseKeepingNumbers(text) : value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return NOT_JSON;
  }
}
