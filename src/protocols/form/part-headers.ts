import { isUtf8 } from 'node:buffer';
import { ServiceError } from '../../errors/service-error.js';
import { parseFormDisposition } from '../http/content-disposition.js';

/** What the header block of a multipart part says (RFC 7578 section 4). */
export interface PartHeaders {
  readonly name: string;
  /** As the client gave it; absent for a text part. */
  readonly filename?: string;
  readonly contentType?: string;
}

const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:.*[^ \t])?)[ \t]*$/su;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/u;
const IDENTITY_ENCODINGS = new Set(['7bit', '8bit', 'binary']);

/** @throws MALFORMED_MULTIPART for anything that is not a named form-data part in this charset. */
export function parsePartHeaders(block: Buffer, charset = 'utf-8'): PartHeaders {
  const fields = parseFields(decode(block, charset));
  const disposition = parseFormDisposition(fields.get('content-disposition') ?? '');
  const name = disposition?.parameters.get('name');
  if (disposition?.type !== 'form-data' || name === undefined) {
    throw malformed('a part has no valid Content-Disposition with a name');
  }
  if (!isIdentity(fields.get('content-transfer-encoding'))) {
    throw malformed('Content-Transfer-Encoding must be binary (RFC 7578 section 4.7)');
  }
  return {
    name,
    filename: disposition.parameters.get('filename'),
    contentType: fields.get('content-type') || undefined,
  };
}

function isIdentity(encoding = 'binary'): boolean {
  return IDENTITY_ENCODINGS.has(encoding.toLowerCase());
}

function parseFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text === '' ? [] : text.split('\r\n')) {
    const match = FIELD_LINE.exec(line);
    const [, name, value] = match ?? [];
    if (name === undefined || value === undefined || FORBIDDEN.test(value)) {
      throw malformed('a part has a header line that is not "name: value"');
    }
    if (fields.has(name.toLowerCase())) throw malformed('a part has a header twice');
    fields.set(name.toLowerCase(), value);
  }
  return fields;
}

function decode(block: Buffer, charset: string): string {
  // What nearly all are written in, without a decoder for each of them.
  if (charset === 'utf-8' && isUtf8(block)) return block.toString('utf8');
  const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(block);
  } catch (cause) {
    throw malformed(`the headers of a part are not valid ${decoder.encoding}`, cause);
  }
}

function malformed(rule: string, cause?: unknown): ServiceError {
  return new ServiceError('MALFORMED_MULTIPART', `The multipart body is malformed: ${rule}.`, { cause });
}
