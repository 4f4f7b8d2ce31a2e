import { causesOf, memberOf } from './error-causes.js';

/** Answers that a gateway gives for a target that may still be busy. */
const OF_GATEWAYS = new Set([502, 504]);

/** Does the error come from an answer of the target itself? Then that is done with the request, whatever it made of it. */
export function isFinalAnswer(error: unknown): boolean {
  const codes = causesOf(error).map((cause) => memberOf(cause, 'statusCode'));
  const statusCode = codes.find((code) => typeof code === 'number');
  return statusCode !== undefined && !OF_GATEWAYS.has(statusCode);
}
