import { types } from 'node:util';
import { cappedText } from './capped-text.js';

/** How deep a chain of causes is logged. */
const MAX_CAUSES = 5;

/** A stack begins with the message, so that one that quotes what came from outside is as long. */
const MAX_STACK_CHARACTERS = 8 * 1024;

interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/**
 * Lists what of an error is logged. Pino's own serializer copies every enumerable member, and errors of HTTP
 * clients carry request headers and response bodies.
 */
export function serializeError(error: unknown, depth = 0): LoggedError {
  if (!isError(error)) return { type: typeof error, message: cappedText(String(error)) };
  return {
    type: error.name,
    message: cappedText(error.message),
    code: codeOf(error),
    stack: error.stack && cappedText(error.stack, MAX_STACK_CHARACTERS),
    cause:
      error.cause === undefined || depth >= MAX_CAUSES ? undefined : serializeError(error.cause, depth + 1),
  };
}

/** Errors of another realm, as of a `vm` context, are none to `instanceof`. */
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
