import { isUtf8 } from 'node:buffer';
import type { NewUpload } from '../../resumption/resumable-upload.js';
import {
  invalidFields,
  isUploadField,
  readUploadFields,
  type UploadFields,
} from '../../ingest/upload-fields.js';
import { declaredContentType } from '../http/content-type.js';
import { badHeader } from './tus-headers.js';

/** RFC 4648 section 4, with its padding. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const SHA256 = /^[0-9a-f]{64}$/i;

/** What clients call the name of a file and its type: the first one that is there counts. */
const NAMES = ['filename', 'name'];
const TYPES = ['filetype', 'type', 'content_type', 'contentType'];
const DIGESTS = ['checksum', 'sha256'];

/**
 * `Upload-Metadata`: pairs of a key and a value in base64, with commas between them (tus 1.0, creation). A key alone has an empty
 * value; an absent header, and an empty one, have no pair. @throws VALIDATION_ERROR
 */
export function readMetadata(header: string | undefined): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  if (header === undefined || header.trim() === '') return pairs;
  for (const item of header.split(',')) {
    const [key = '', value = '', ...rest] = item.trim().split(' ');
    if (key === '' || rest.length > 0)
      throw badHeader('Upload-Metadata', 'must hold keys, each with a value in base64');
    if (pairs.has(key)) throw badHeader('Upload-Metadata', 'must not name a key twice');
    if (!BASE64.test(value)) throw badHeader('Upload-Metadata', 'must have its values in base64');
    pairs.set(key, textOf(Buffer.from(value, 'base64')));
  }
  return pairs;
}

/**
 * What metadata says of a file: its name and type, the fields of a form, its SHA-256; what is left goes to the `metadata` of the
 * file as text. @throws VALIDATION_ERROR
 */
export function headOf(
  pairs: ReadonlyMap<string, string>,
  length: number | undefined,
): Pick<NewUpload, 'head' | 'digests'> {
  const contentType = declaredContentType(firstOf(pairs, TYPES));
  if (contentType === undefined) throw badHeader('Upload-Metadata', 'must name an ASCII type');
  const sha256 = digestOf(pairs);
  return {
    head: { filename: firstOf(pairs, NAMES), contentType, fields: fieldsOf(pairs), length },
    digests: sha256 === undefined ? [] : [{ algorithm: 'sha256', hex: sha256 }],
  };
}

function fieldsOf(pairs: ReadonlyMap<string, string>): UploadFields {
  const given = new Map<keyof UploadFields, string>();
  const others: Record<string, string> = {};
  for (const [key, value] of pairs) {
    if (isUploadField(key)) given.set(key, value);
    else if (![...NAMES, ...TYPES, ...DIGESTS].includes(key)) Object.defineProperty(others, key, OWN(value));
  }
  const fields = readUploadFields(given);
  // What the client calls metadata comes first, and may not be what another key says.
  return Object.keys(others).length === 0 ? fields : withOthers(fields, others, given);
}

function withOthers(
  fields: UploadFields,
  others: Record<string, string>,
  given: ReadonlyMap<keyof UploadFields, string>,
): UploadFields {
  const metadata = readUploadFields(new Map([...given, ['metadata', JSON.stringify(others)]])).metadata;
  return Object.assign(fields, { metadata: { ...metadata, ...fields.metadata } });
}

/** A key may be called `__proto__`. */
const OWN = (value: string): PropertyDescriptor => ({ value, enumerable: true });

function digestOf(pairs: ReadonlyMap<string, string>): string | undefined {
  const declared = firstOf(pairs, DIGESTS);
  if (declared === undefined) return undefined;
  if (SHA256.test(declared)) return declared.toLowerCase();
  throw invalidFields([{ field: 'checksum', message: 'must be a SHA-256 in hex' }]);
}

function firstOf(pairs: ReadonlyMap<string, string>, keys: readonly string[]): string | undefined {
  return keys.map((key) => pairs.get(key)).find((value) => value !== undefined && value !== '');
}

/** Browsers and tus clients write UTF-8; bytes that are none are taken one by one. */
function textOf(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
