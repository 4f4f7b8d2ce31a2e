import { validate as isUuid } from 'uuid';
import { ServiceError } from '../errors/service-error.js';
import type { PeerAnswer } from '../peers/peers.service.js';

/** A place in a list of uploads: behind the one of this time and id. */
interface Position {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly uploadId: string;
}

/** Part of a list. */
export interface Page<T> {
  readonly uploads: readonly T[];
  readonly next_cursor: string | null;
}

/** In which order uploads are listed. */
export interface Listing<T> {
  readonly timeOf: (upload: T) => string;
  readonly newestFirst: boolean;
}

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string;
}

const CURSOR = /^1;(\d{1,15});([0-9a-f-]{36})$/;

/** The first uploads behind the cursor. @throws VALIDATION_ERROR for a cursor that is none of ours */
export function pageOf<T extends { readonly upload_id: string }>(
  uploads: readonly T[],
  { limit, cursor }: PageQuery,
  listing: Listing<T>,
): Page<T> {
  const behind = cursor === undefined ? undefined : positionIn(cursor);
  const rest = uploads.filter((each) => !behind || compare(behind, positionOf(each, listing), listing) < 0);
  return cut(rest, limit, listing);
}

/** One page of several that begin at the same place. */
export function mergedPage<T extends { readonly upload_id: string }>(
  pages: readonly Page<T>[],
  limit: number,
  listing: Listing<T>,
): Page<T> {
  const all = pages.flatMap(({ uploads }) => uploads);
  return cut(
    all,
    limit,
    listing,
    pages.some((page) => page.next_cursor !== null),
  );
}

/** Is it a page, as another replica answers? */
export function isPage({ status, body }: PeerAnswer): boolean {
  return (
    status === 200 && typeof body === 'object' && body !== null && Array.isArray(Reflect.get(body, 'uploads'))
  );
}

function cut<T extends { readonly upload_id: string }>(
  all: readonly T[],
  limit: number,
  listing: Listing<T>,
  hasMore = false,
): Page<T> {
  const sorted = all.toSorted((a, b) => compare(positionOf(a, listing), positionOf(b, listing), listing));
  const uploads = sorted.slice(0, limit);
  const last = uploads.at(-1);
  const goesOn = last !== undefined && (hasMore || sorted.length > limit);
  return { uploads, next_cursor: goesOn ? cursorOf(positionOf(last, listing)) : null };
}

function positionOf<T extends { readonly upload_id: string }>(upload: T, { timeOf }: Listing<T>): Position {
  return { atMs: Date.parse(timeOf(upload)), uploadId: upload.upload_id };
}

function compare(a: Position, b: Position, { newestFirst }: Pick<Listing<never>, 'newestFirst'>): number {
  const byId = a.uploadId === b.uploadId ? 0 : a.uploadId < b.uploadId ? -1 : 1;
  const order = a.atMs - b.atMs || byId;
  return newestFirst ? -order : order;
}

/** Text that says nothing to callers. It stays good whatever comes or ends meanwhile. */
function cursorOf({ atMs, uploadId }: Position): string {
  return Buffer.from(`1;${atMs};${uploadId}`).toString('base64url');
}

function positionIn(cursor: string): Position {
  const [, at, uploadId] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (uploadId !== undefined && isUuid(uploadId)) return { atMs: Number(at), uploadId };
  const message = 'cursor must be the next_cursor of another page';
  throw new ServiceError('VALIDATION_ERROR', 'The cursor is not one of ours.', {
    fields: [{ field: 'cursor', message }],
  });
}
