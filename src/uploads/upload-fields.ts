import {
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  validateSync,
} from 'class-validator';
import { type FieldError, ServiceError } from '../errors/service-error.js';
import { exceedsNesting } from '../errors/json-depth.js';
import { isStorable } from '../errors/json-text.js';
import type { RetentionPolicy } from '../storage/storage-element.js';

const DEFAULT_TTL_DAYS = 30;
/** Whoever writes or reads `metadata` later goes down by recursion. */
const MOST_LEVELS = 32;

/** The text parts of an upload, after their types have been read from the text. */
export class UploadFields {
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description: string | null = null;

  @IsIn(['temporary', 'permanent'])
  retention_policy: RetentionPolicy = 'temporary';

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(365)
  ttl_days: number | null = null;

  @IsArray()
  @IsString({ each: true })
  tags: string[] = [];

  @IsObject()
  metadata: Record<string, unknown> = {};
}

/** How the text of a part becomes a value; what cannot be read stays text, and validation names the field. */
const READERS: Record<keyof UploadFields, (text: string) => unknown> = {
  description: (text) => text,
  retention_policy: (text) => text,
  ttl_days: (text) => (/^[+-]?\d+$/.test(text.trim()) ? Number(text) : text),
  tags: readJson,
  metadata: readJson,
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
  for (const [name, text] of texts) {
    if (text !== '') Object.assign(fields, { [name]: READERS[name](text) });
  }
  if (texts.size > 0) {
    checkStorable(fields);
    check(fields);
  }
  if (fields.retention_policy === 'temporary') fields.ttl_days ??= DEFAULT_TTL_DAYS;
  return fields;
}

/** @throws VALIDATION_ERROR for what no storage element and no row could hold */
function checkStorable(fields: UploadFields): void {
  const errors = Object.entries(fields).flatMap(([field, value]): FieldError[] => {
    if (exceedsNesting(value, MOST_LEVELS))
      return [{ field, message: `must not have more than ${MOST_LEVELS} levels` }];
    return isStorable(value)
      ? []
      : [{ field, message: 'must hold neither NUL nor half of a surrogate pair' }];
  });
  if (errors.length > 0) throw invalidFields(errors);
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

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
