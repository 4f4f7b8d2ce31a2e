import { isNativeError } from 'node:util/types';
import type { ErrorCode } from '../errors/catalogue.js';
import { ServiceError } from '../errors/service-error.js';
import { classifyAnswer } from './failures/classify-answer.js';
import { classifyTransport } from './failures/classify-transport.js';
import { causesOf, memberOf } from '../errors/error-causes.js';
import { FAILED, NO_ROOM, NOT_CALLED, NOT_ITS_FAULT, UNWANTED_HERE } from './failures/failure-kinds.js';
import { statusCodeOf } from './final-answer.js';
import type { FailureKind } from './outcome.js';
import { bodySentOf, type FailureMarks, TargetFailure } from './target-failure.js';

/** The codes under which storage elements fail. */
export const STORAGE_CODES: readonly ErrorCode[] = ['STORAGE_FAILED', 'STORAGE_TIMEOUT', 'STORAGE_FULL'];

/** The codes under which the token endpoint, the JWKS endpoint and the Admin module fail. */
export const ADMIN_CODES: readonly ErrorCode[] = ['ADMIN_UNAVAILABLE'];

/** Our own refusals to call a target, which are not its outcomes. */
const NOT_CALLED_CODES = new Set<ErrorCode>(['CIRCUIT_OPEN', 'BULKHEAD_FULL']);

const PROGRAMMING_ERRORS = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'URIError']);

/**
 * Says which row of the table of outcomes an error is. `ownCodes` are the codes under which the target's own failures
 * come: any other `ServiceError` that a call ends with is the client's, ours, or that of another dependency which
 * has done its own retries, as when there is no token for a storage element. Errors that are no `ServiceError` are
 * known by their marks, or by what undici or Node say, and are programming errors otherwise.
 */
export function classifyFailure(error: unknown, ownCodes: readonly ErrorCode[] = []): FailureKind {
  if (!(error instanceof ServiceError)) return classifyChain(error) ?? NOT_ITS_FAULT;
  if (NOT_CALLED_CODES.has(error.code)) return NOT_CALLED;
  if (ownCodes.includes(error.code)) return classifyOwn(error);
  const wasAnswered = statusCodeOf(error) !== undefined;
  return bodySentOf(error) && !wasAnswered ? { ...NOT_ITS_FAULT, mayHaveSucceeded: true } : NOT_ITS_FAULT;
}

/** A failure without a cause that we know is the target's all the same: the driver found it out by itself. */
function classifyOwn({ code, cause }: ServiceError): FailureKind {
  if (code === 'STORAGE_FULL') return NO_ROOM;
  if (code === 'STORAGE_FAILED' && isWrongMode(cause)) return UNWANTED_HERE;
  return classifyChain(cause) ?? (isProgrammingError(cause) ? NOT_ITS_FAULT : withLoss(FAILED, cause));
}

/**
 * A storage element whose mode was changed answers 400 or 409, and does not say so in a way that can be relied on. The
 * request has passed our own checks, so the answer is taken for that: another element is worth a try, this one is not.
 */
function isWrongMode(cause: unknown): boolean {
  const statusCode = statusCodeOf(cause);
  return statusCode === 400 || statusCode === 409;
}

function classifyChain(thrown: unknown): FailureKind | undefined {
  for (const error of causesOf(thrown)) {
    const kind = classifyLink(error);
    if (kind) return withLoss(kind, thrown);
  }
  return undefined;
}

function classifyLink(error: unknown): FailureKind | undefined {
  return error instanceof TargetFailure ? classifyMarks(error) : classifyForeign(error);
}

function classifyMarks({ statusCode, retryAfterMs, timeoutPhase }: FailureMarks): FailureKind | undefined {
  if (statusCode !== undefined) return classifyAnswer(statusCode, retryAfterMs);
  return timeoutPhase === undefined ? undefined : FAILED;
}

/** What undici and Node throw, by members, not by class: under Jest it is of another realm. */
function classifyForeign(error: unknown): FailureKind | undefined {
  const code = memberOf(error, 'code');
  return typeof code === 'string' ? classifyTransport(code, syscallOf(error)) : classifyName(error);
}

/** Errors without a usable code: those of `AbortSignal` have a number, and undici's of its parser often none. */
function classifyName(error: unknown): FailureKind | undefined {
  switch (memberOf(error, 'name')) {
    case 'TimeoutError':
    case 'HTTPParserError':
      return FAILED;
    case 'AbortError':
      return NOT_ITS_FAULT;
    default:
      return undefined;
  }
}

/** Where every address of a name failed there is one error for all, which has no system call, but they were all connecting. */
function syscallOf(error: unknown): unknown {
  return Array.isArray(memberOf(error, 'errors')) ? 'connect' : memberOf(error, 'syscall');
}

function withLoss(kind: FailureKind, thrown: unknown): FailureKind {
  const isLost = kind.verdict === 'failure' && kind.retry === 'again' && !kind.nothingSent;
  // Who is busy may have been so with this very request.
  return (isLost || kind.busy) && bodySentOf(thrown) ? { ...kind, mayHaveSucceeded: true } : kind;
}

function isProgrammingError(cause: unknown): boolean {
  return isNativeError(cause) && PROGRAMMING_ERRORS.has(cause.name);
}
