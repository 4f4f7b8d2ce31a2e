import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../../errors/service-error.js';

/** The version of the protocol that is served. */
export const TUS_VERSION = '1.0.0';

/** Bodies of uploads (tus 1.0, core protocol). */
const BODY_TYPE = 'application/offset+octet-stream';

/** A number of bytes: so many digits that JavaScript may not hold them exactly are none. */
const INTEGER = /^[0-9]{1,16}$/;

/** A header that holds a number of bytes; undefined where it is absent. @throws VALIDATION_ERROR */
export function bytesIn(headers: IncomingHttpHeaders, name: string): number | undefined {
  const text = textIn(headers, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (INTEGER.test(text) && value <= Number.MAX_SAFE_INTEGER) return value;
  throw badHeader(name, 'must be a number of bytes');
}

/** A header as it came; one that is there twice came joined by a comma. */
export function textIn(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

export function wrongType(): ServiceError {
  return new ServiceError('UNSUPPORTED_MEDIA_TYPE', `The body must be \`${BODY_TYPE}\`.`);
}

export function badHeader(name: string, what: string): ServiceError {
  return new ServiceError('VALIDATION_ERROR', `The header ${name} ${what}.`, {
    fields: [{ field: name, message: what }],
  });
}

/** What a creation says of the length. @throws VALIDATION_ERROR */
export function declaredLength(headers: IncomingHttpHeaders): number | undefined {
  const length = bytesIn(headers, 'Upload-Length');
  const deferred = textIn(headers, 'Upload-Defer-Length');
  if (deferred !== undefined && deferred !== '1') throw badHeader('Upload-Defer-Length', 'must be 1');
  if (deferred === undefined && length === undefined)
    throw badHeader('Upload-Length', 'or Upload-Defer-Length is needed');
  if (deferred !== undefined && length !== undefined)
    throw badHeader('Upload-Defer-Length', 'must not be there beside Upload-Length');
  return length;
}

/** Does a creation join others, whose length it has? @throws VALIDATION_ERROR for one that declares one all the same */
export function joinsOthers(headers: IncomingHttpHeaders): boolean {
  if (!textIn(headers, 'Upload-Concat')?.startsWith('final;')) return false;
  for (const name of ['Upload-Length', 'Upload-Defer-Length']) {
    if (textIn(headers, name) !== undefined)
      throw badHeader(name, 'must not be there: an upload that is joined of others has their length');
  }
  return true;
}

export type Concat =
  { readonly kind: 'file' | 'part' } | { readonly kind: 'joined'; readonly urls: readonly string[] };

/** What an upload is to be joined of, as URLs or paths; or that it is a part of others. @throws VALIDATION_ERROR */
export function concatOf(headers: IncomingHttpHeaders): Concat {
  const text = textIn(headers, 'Upload-Concat');
  if (text === undefined) return { kind: 'file' };
  if (text === 'partial') return { kind: 'part' };
  const [, list] = /^final;(.*)$/.exec(text) ?? [];
  if (list === undefined)
    throw badHeader('Upload-Concat', 'must be `partial` or `final;` and the URLs of uploads');
  return { kind: 'joined', urls: list.split(' ').filter((url) => url !== '') };
}

/** Is the body, which there may be, of the type that tus has for it? Parameters are let pass. */
export function isOffsetStream(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === BODY_TYPE;
}
