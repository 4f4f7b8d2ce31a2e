import { causesOf } from '../errors/error-causes.js';
import { TargetFailure } from './target-failure.js';

/** Answers that a gateway gives for a target that may still be busy. */
const OF_GATEWAYS = new Set([502, 504]);

/** The HTTP status that a target answered with; undefined where an error has not come from an answer. */
export function statusCodeOf(error: unknown): number | undefined {
  for (const cause of causesOf(error)) {
    if (cause instanceof TargetFailure && cause.statusCode !== undefined) return cause.statusCode;
  }
  return undefined;
}

/** Does the error come from an answer of the target itself? Then that is done with the request, whatever it made of it. */
export function isFinalAnswer(error: unknown): boolean {
  const statusCode = statusCodeOf(error);
  return statusCode !== undefined && !OF_GATEWAYS.has(statusCode);
}
