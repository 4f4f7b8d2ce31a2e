import pino, { type LoggerOptions } from 'pino';
import { serializeError } from './error-serializer.js';
import { currentRequest } from './request-context.js';
import { SERVICE_NAME } from './service-version.js';

/** Members that hold secrets wherever they are logged. Paths with wildcards would cost 5 µs a line. */
const SECRET_MEMBERS = [
  'authorization',
  'cookie',
  'token',
  'access_token',
  'client_secret',
  'password',
  'headers.authorization',
  'headers.cookie',
  'headers["set-cookie"]',
];

/**
 * A JWT or the beginning of one, or whatever follows the `Bearer` scheme, inside any text, as in the message of an error.
 * The dots of a JWT are not asked for: looked for from every `eyJ` on, they would take a time that grows with the square.
 */
const TOKEN_IN_TEXT = /eyJ[\w.-]+|\b[Bb][Ee][Aa][Rr][Ee][Rr]\s+[^\s"\\]+/g;

/**
 * How log lines are written: `snake_case` members, level names, RFC 3339 times, and on every line of a request
 * its `request_id` and `trace_id`. They come from a mixin, which costs less than a child logger per request.
 *
 * Secrets are kept out three times: what we log ourselves is listed member by member, known names are redacted,
 * and the finished line is searched for tokens (about 1 µs).
 */
export function logOptions(level: string): LoggerOptions {
  return {
    level,
    base: { service: SERVICE_NAME },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: requestMembers,
    redact: SECRET_MEMBERS,
    serializers: { err: serializeError },
    hooks: { streamWrite: (line) => line.replace(TOKEN_IN_TEXT, '[Redacted]') },
  };
}

function requestMembers(): Record<string, string> {
  const request = currentRequest();
  return request ? { request_id: request.requestId, trace_id: request.traceId } : {};
}
