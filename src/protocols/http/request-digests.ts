import type { IncomingMessage } from 'node:http';
import { type Digest, type DigestAlgorithm, DigestCheck } from '../../body/digest-check.js';
import { parseDigestField, wantedDigest, wantsDigest } from './digest-fields.js';
import { announcesTrailer } from './request-headers.js';
import { invalidHeader } from './invalid-header.js';

type DigestField = 'Content-Digest' | 'Repr-Digest';

/** What is to be done about the digests of a request (RFC 9530); nothing of it for most. */
export interface RequestDigests {
  /** For the bytes of the request, where they are not the file. */
  readonly content?: DigestCheck | undefined;
  /** For the file; its SHA-256 is made by others. */
  readonly file?: DigestCheck | undefined;
  /** What the client wants to be told of the file; `file` knows it in the end. */
  readonly wanted?: DigestAlgorithm | undefined;
}

const NONE: RequestDigests = {};

/** Of a request whose body is the file. @throws VALIDATION_ERROR */
export function digestsOfFile(request: IncomingMessage): RequestDigests {
  if (!mentionsDigests(request)) return NONE;
  const wanted = wantedFileDigest(request);
  return { wanted, file: checkOfFile(request, ['Content-Digest', 'Repr-Digest'], wanted) };
}

/** Of a request that has the file within its body. @throws VALIDATION_ERROR */
export function digestsOfForm(request: IncomingMessage): RequestDigests {
  if (!mentionsDigests(request)) return NONE;
  const wanted = wantedFileDigest(request);
  const content = declarationsIn(request, ['Content-Digest']);
  return {
    wanted,
    file: checkOfFile(request, ['Repr-Digest'], wanted),
    content: content && new DigestCheck(content),
  };
}

/** What is to be done about the digests of a request that brings a piece of the file. */
export interface PieceDigests {
  /** For the bytes of the request. */
  readonly content?: DigestCheck | undefined;
  /** What is declared of the whole file; asked when all bytes have come. @throws VALIDATION_ERROR */
  readonly file?: (() => readonly Digest[]) | undefined;
}

/** Of a request whose body is a piece of the file. @throws VALIDATION_ERROR */
export function digestsOfPiece(request: IncomingMessage): PieceDigests {
  const content = declarationsIn(request, ['Content-Digest']);
  return {
    content: content && new DigestCheck(content),
    file: declarationsIn(request, ['Repr-Digest'])?.declared,
  };
}

/** What is declared of the whole file ahead of the body. @throws VALIDATION_ERROR */
export function declaredFileDigests({ headers }: IncomingMessage): readonly Digest[] {
  return parseIn(headers, 'Repr-Digest');
}

/** What a client wants to be told of the digest of its file; undefined for nothing. */
function wantedFileDigest({ headers }: IncomingMessage): DigestAlgorithm | undefined {
  return wantedDigest(String(headers['want-repr-digest'] ?? ''));
}

/** Does a client want to be told this digest of its file? */
export function wantsFileDigest({ headers }: IncomingMessage, algorithm: DigestAlgorithm): boolean {
  return wantsDigest(String(headers['want-repr-digest'] ?? ''), algorithm);
}

function mentionsDigests({ headers }: IncomingMessage): boolean {
  return (
    headers['content-digest'] !== undefined ||
    headers['repr-digest'] !== undefined ||
    headers['want-repr-digest'] !== undefined ||
    headers.trailer !== undefined
  );
}

function checkOfFile(
  request: IncomingMessage,
  fields: readonly DigestField[],
  wanted: DigestAlgorithm | undefined,
): DigestCheck | undefined {
  const declarations = declarationsIn(request, fields);
  if (!declarations && !wanted) return undefined;
  const { make, declared } = declarations ?? { make: [], declared: () => [] };
  const own = new Set(wanted ? [...make, wanted] : make);
  own.delete('sha256');
  return new DigestCheck({ make: own, declared });
}

interface Declarations {
  /** All that may have to be made for what is declared. */
  readonly make: readonly DigestAlgorithm[];
  /** @throws VALIDATION_ERROR */
  readonly declared: () => readonly Digest[];
}

/** What is declared before the body, and behind it where that is announced; undefined where there is nothing to check. */
function declarationsIn(request: IncomingMessage, fields: readonly DigestField[]): Declarations | undefined {
  const before = fields.flatMap((field) => parseIn(request.headers, field));
  const later = fields.filter((field) => announcesTrailer(request, field));
  if (before.length === 0 && later.length === 0) return undefined;
  return {
    make: later.length > 0 ? ['sha256', 'sha512'] : before.map(({ algorithm }) => algorithm),
    declared: () => [...before, ...later.flatMap((field) => parseTrailer(request, field))],
  };
}

/** Of what was announced and does not come nobody could say that it was checked. */
function parseTrailer({ trailers }: IncomingMessage, field: DigestField): Digest[] {
  if (trailers[field.toLowerCase()] === undefined)
    throw invalidHeader(field, 'was announced by Trailer, and did not come');
  return parseIn(trailers, field);
}

function parseIn(headers: NodeJS.Dict<string | string[]>, field: DigestField): Digest[] {
  const value = headers[field.toLowerCase()];
  return value === undefined ? [] : parseDigestField(field, String(value));
}
