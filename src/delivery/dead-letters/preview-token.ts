import { hash } from 'node:crypto';
import { ServiceError } from '../../errors/service-error.js';
import type { BulkAction, DeadLetterFilter } from '../dead-letter.js';

/** How long a preview is good for. */
export const PREVIEW_MS = 600_000;

const TOKEN = /^2;(\d{1,15});(\d{1,15});([0-9a-f]{64})$/;

/** What was shown: how many letters fitted, and when. */
export interface Previewed {
  /** Time of the database, in milliseconds since 1970. */
  readonly atMs: number;
  readonly count: number;
}

/**
 * Names what was previewed, and when. It is no secret and proves nothing: it keeps an operator from ordering something else than
 * he was shown.
 */
export function tokenOf(action: BulkAction, filter: DeadLetterFilter, { atMs, count }: Previewed): string {
  return Buffer.from(`2;${atMs};${count};${digestOf(action, filter)}`).toString('base64url');
}

/**
 * What was shown of what is ordered. @throws VALIDATION_ERROR for what `tokenOf` has not written; CONFLICT where it was another
 * action or filter, or is too long ago
 */
export function previewedAt(
  token: string,
  action: BulkAction,
  filter: DeadLetterFilter,
  nowMs: number,
): Previewed {
  const text = Buffer.from(token, 'base64url').toString('latin1');
  const [, at, count, digest] = TOKEN.exec(text) ?? [];
  const atMs = Number(at);
  if (digest === undefined || atMs > nowMs) throw noToken();
  if (digest !== digestOf(action, filter))
    throw new ServiceError('CONFLICT', 'The preview was of another action or filter: order a new preview.');
  if (atMs <= nowMs - PREVIEW_MS)
    throw new ServiceError('CONFLICT', 'The preview is older than 10 minutes: order a new preview.');
  return { atMs, count: Number(count) };
}

/**
 * A letter whose transaction began before the preview, and ended after it, looks as if it had been dead then.
 * @throws CONFLICT where more fit than were shown
 */
export function requireShown({ count }: Previewed, fitting: number): void {
  if (fitting > count)
    throw new ServiceError(
      'CONFLICT',
      'More dead letters fit than the preview has shown: order a new preview.',
    );
}

/** The order in which members were given says nothing, nor do those that were not. */
function digestOf(action: BulkAction, filter: DeadLetterFilter): string {
  const members = Object.entries(filter).filter(([, value]) => value !== undefined);
  return hash('sha256', JSON.stringify([action, members.toSorted(([a], [b]) => (a < b ? -1 : 1))]), 'hex');
}

function noToken(): ServiceError {
  const message = 'token must be the token of a preview';
  return new ServiceError('VALIDATION_ERROR', 'The token is not one of ours.', {
    fields: [{ field: 'token', message }],
  });
}
