import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../errors/service-error.js';
import { parseDisposition } from './content-disposition.js';
import { declaredContentType, parameterValues } from './content-type.js';
import { invalidHeader } from './invalid-header.js';

/**
 * RFC 2046 section 5.1.1: 1 to 70 characters, the last one no space. Those of a token (RFC 9110 section 5.6.2) are taken
 * as well: some clients send `*****`.
 */
const BOUNDARY = /^[\w'()+,./:=?!#$%&*^`|~ -]{0,69}[\w'()+,./:=?!#$%&*^`|~-]$/;

/** The boundary of a multipart request. @throws UNSUPPORTED_MEDIA_TYPE, MALFORMED_MULTIPART */
export function multipartBoundary({ headers }: IncomingMessage): string {
  const contentType = headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*(?:;|$)/i.test(contentType)) {
    throw new ServiceError('UNSUPPORTED_MEDIA_TYPE', 'The request must be multipart/form-data.');
  }
  const [boundary, another] = parameterValues(contentType, 'boundary') ?? [];
  if (another !== undefined) throw badBoundary('names more than one boundary');
  if (boundary === undefined) throw badBoundary('names no boundary that can be read');
  if (!BOUNDARY.test(boundary)) {
    throw badBoundary('has a boundary that is not 1 to 70 of the characters that RFC 2046 allows');
  }
  return boundary;
}

function badBoundary(what: string): ServiceError {
  return new ServiceError('MALFORMED_MULTIPART', `The Content-Type ${what}.`);
}

/** The type of a file that is a whole body. @throws UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR */
export function rawContentType({ headers }: IncomingMessage): string {
  const given = headers['content-type'];
  if (given !== undefined && /^multipart\//i.test(given)) {
    const advice = 'Send the file itself as the body, or send the form with POST /api/v1/files/upload.';
    throw new ServiceError('UNSUPPORTED_MEDIA_TYPE', `A multipart body is not the file. ${advice}`);
  }
  const contentType = declaredContentType(given);
  if (contentType === undefined) throw invalidHeader('Content-Type', 'must be ASCII');
  return contentType;
}

/** Bytes of the body; undefined when it is chunked. Node has checked that the value is a number. */
export function contentLength({ headers }: IncomingMessage): number | undefined {
  return headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
}

/** Bytes of the body, 0 where there is none; undefined for one that is chunked. */
export function bodyBytes(request: IncomingMessage): number | undefined {
  return request.headers['transfer-encoding'] === undefined ? (contentLength(request) ?? 0) : undefined;
}

/** Does a request say that a field comes behind its body (RFC 9110 section 6.6.2)? */
export function announcesTrailer({ headers }: IncomingMessage, field: string): boolean {
  const names = headers.trailer?.toLowerCase().split(',') ?? [];
  return names.some((name) => name.trim() === field.toLowerCase());
}

/**
 * Refuses a request that brings no body, as one in which the file was forgotten. A file of no bytes is announced by
 * `Content-Length: 0` (RFC 9110 section 8.6), or is chunked.
 * @throws EMPTY_FILE
 */
export function checkBodyThere({ headers }: IncomingMessage): void {
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return;
  throw new ServiceError('EMPTY_FILE', 'There is no body. Send a file of no bytes with `Content-Length: 0`.');
}

/**
 * Refuses bodies that are not the file as it is: stored as they come, they would be something else than what
 * their name says. A part of a file (RFC 9110 section 14.5) is not a file either.
 * @throws UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR
 */
export function checkIdentity({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ServiceError('UNSUPPORTED_MEDIA_TYPE', 'A Content-Encoding other than identity is not taken.');
  }
  // Node undoes `chunked` only, and gives what another coding has made of the file as the file.
  const transfer = headers['transfer-encoding'];
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') {
    throw new ServiceError('UNSUPPORTED_MEDIA_TYPE', 'A Transfer-Encoding other than chunked is not taken.');
  }
  if (headers['content-range'] !== undefined) throw invalidHeader('Content-Range', 'is not taken');
}

/** File name of a raw upload: `attachment; filename*=…` (RFC 6266). @throws VALIDATION_ERROR */
export function dispositionFilename({ headers }: IncomingMessage): string | undefined {
  const header = headers['content-disposition'];
  if (header === undefined) return undefined;
  // Node gives header bytes as latin1; browsers and curl send UTF-8.
  const bytes = Buffer.from(header, 'latin1');
  if (!isUtf8(bytes)) throw invalidHeader('Content-Disposition', 'must be UTF-8');
  const disposition = parseDisposition(bytes.toString('utf8'));
  if (!disposition)
    throw invalidHeader('Content-Disposition', "must be as `attachment; filename*=UTF-8''a.txt`");
  return disposition.parameters.get('filename');
}
