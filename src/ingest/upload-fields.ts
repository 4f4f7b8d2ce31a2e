import { isIn, isObject, maxLength } from 'class-validator';
import { type FieldError, ServiceError } from '../errors/service-error.js';
import { exceedsNesting } from '../errors/json-depth.js';
import { repeatsMember } from '../errors/json-members.js';
import { parseKeepingNumbers } from '../errors/json-numbers.js';
import { isStorable } from '../errors/json-text.js';
import type { RetentionPolicy } from '../storage/storage-element.js';

const RETENTION_POLICIES = ['temporary', 'permanent'];
const DEFAULT_TTL_DAYS = 30;
/** Whoever writes or reads `metadata` later goes down by recursion. */
const MOST_LEVELS = 32;
/** What becomes of a text that is not valid JSON. */
const NOT_JSON = Symbol('not JSON');

/** The text parts of an upload, after their types have been read from the text. */
export class UploadFields {
  description: string | null = null;
  retention_policy: RetentionPolicy = 'temporary';
  ttl_days: number | null = null;
  tags: string[] = [];
  /** Numbers that JavaScript cannot hold are kept as text in it (`parseKeepingNumbers`). */
  metadata: Record<string, unknown> = {};
}

interface FieldRule {
  /** How the text of a part becomes a value; what cannot be read stays text or is `NOT_JSON`, for which nothing holds. */
  readonly read: (text: string) => unknown;
  readonly holds: (value: unknown) => boolean;
  /** What a value must be. */
  readonly rule: string;
}

/** Plain functions: class-validator goes through its metadata for each upload, which costs more than reading the form. */
const RULES: Readonly<Record<keyof UploadFields, FieldRule>> = {
  description: {
    read: (text) => text,
    holds: (value) => maxLength(value, 1000),
    rule: 'must be shorter than or equal to 1000 characters',
  },
  retention_policy: {
    read: (text) => text,
    holds: (value) => isIn(value, RETENTION_POLICIES),
    rule: `must be one of the following values: ${RETENTION_POLICIES.join(', ')}`,
  },
  ttl_days: {
    read: (text) => (/^[+-]?\d+$/.test(text.trim()) ? Number(text) : text),
    holds: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 365,
    rule: 'must be a whole number from 1 to 365',
  },
  tags: {
    read: readJson,
    holds: (value) => Array.isArray(value) && value.every((tag) => typeof tag === 'string'),
    rule: 'must be a JSON array of strings',
  },
  metadata: { read: readMetadata, holds: isObject, rule: 'must be a JSON object' },
};

/** In the order in which wrong ones are named. */
const FIELDS = Object.keys(RULES).filter(isUploadField);

type GivenTexts = ReadonlyMap<keyof UploadFields, string>;

export function isUploadField(name: string): name is keyof UploadFields {
  return Object.hasOwn(RULES, name);
}

/**
 * Fills in the defaults. A part without text is a part that is not there: that is how a browser sends an input
 * that was left blank.
 * @throws VALIDATION_ERROR that names every wrong field.
 */
export function readUploadFields(texts: GivenTexts): UploadFields {
  const fields = new UploadFields();
  const given = new Map([...texts].filter(([, text]) => text !== ''));
  for (const [name, text] of given) Object.assign(fields, { [name]: RULES[name].read(text) });
  if (given.size > 0) {
    checkStorable(fields, given);
    check(fields, given);
  }
  if (fields.retention_policy === 'temporary') fields.ttl_days ??= DEFAULT_TTL_DAYS;
  return fields;
}

/** @throws VALIDATION_ERROR for what no storage element and no row could hold as it was written */
function checkStorable(fields: UploadFields, given: GivenTexts): void {
  const errors = [...given].flatMap(([field, text]): FieldError[] => {
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

/** What was not given is a default, and good. */
function check(fields: UploadFields, given: GivenTexts): void {
  const errors = FIELDS.filter((field) => given.has(field) && !RULES[field].holds(fields[field])).map(
    (field): FieldError => ({ field, message: `${field} ${brokenRule(field, fields[field])}` }),
  );
  if (fields.retention_policy === 'permanent' && fields.ttl_days !== null) {
    errors.push({ field: 'ttl_days', message: 'must not be given with retention_policy "permanent"' });
  }
  if (errors.length > 0) throw invalidFields(errors);
}

function brokenRule(field: keyof UploadFields, value: unknown): string {
  return value === NOT_JSON ? 'is not valid JSON' : RULES[field].rule;
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
