import { validate as isUuid } from 'uuid';
import { ServiceError } from '../../errors/service-error.js';

/** A place in the list of dead letters: behind the one that died then and has this id. */
export interface LetterPosition {
  /** Milliseconds since 1970. */
  readonly deadAt: number;
  readonly taskId: string;
}

/** The last that both databases and JSON write as a date: the end of the year 9999. */
const LATEST_MS = 253_402_300_799_999;
const CURSOR = /^1;(\d{1,15});([0-9a-f-]{36})$/;

/** Writes a position as text that says nothing to callers. It stays good whatever dies or is redelivered meanwhile. */
export function cursorOf({ deadAt, taskId }: LetterPosition): string {
  return Buffer.from(`1;${deadAt};${taskId}`).toString('base64url');
}

/** @throws VALIDATION_ERROR for what `cursorOf` has not written. */
export function positionOf(cursor: string): LetterPosition {
  const [, deadAtMs, taskId] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (taskId !== undefined && isUuid(taskId) && Number(deadAtMs) <= LATEST_MS)
    return { deadAt: Number(deadAtMs), taskId };
  throw invalidCursor();
}

export function invalidCursor(): ServiceError {
  const message = 'cursor must be the next_cursor of another page';
  return new ServiceError('VALIDATION_ERROR', 'The cursor is not one of ours.', {
    fields: [{ field: 'cursor', message }],
  });
}
