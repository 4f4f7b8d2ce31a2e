import { ServiceError } from '../../../errors/service-error.js';
import { TargetFailure } from '../../../outbound/target-failure.js';
import { complaintOf, headerOf, type S3Answer } from './s3-answers.js';
import { retryAfterMsOf, storageFailed } from '../storage-failures.js';

/** The store or the bucket has no room, or not for a file of this size: another element may. */
const NO_ROOM = new Set([
  'EntityTooLarge',
  'QuotaExceeded',
  'InsufficientStorage',
  'XMinioAdminBucketQuotaExceeded',
  'XMinioStorageFull',
]);

/** "Later, please", which by HTTP is 429, whatever the status is. */
const BUSY = /^(SlowDown\w*|TooManyRequests|Throttling\w*|RequestLimitExceeded)$/;

const ELSEWHERE = new Set([
  'PermanentRedirect',
  'TemporaryRedirect',
  'Redirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

/** An answer that is not the one hoped for: the cause behind a `ServiceError`, for logs and for who decides on another try. */
class S3AnswerError extends TargetFailure {
  override readonly name = 'S3AnswerError';
  /** What S3 calls it, `NoSuchBucket`; the status where it said nothing. */
  readonly s3Code: string;

  constructor(operation: string, answer: S3Answer) {
    const { status, headers, bodySent } = answer;
    const complaint = complaintOf(answer);
    const code = complaint?.code ?? codeOfStatus(operation, status);
    super(
      `The store answered ${status} to ${operation}: ${code} ${JSON.stringify((complaint?.message ?? '').slice(0, 200))}`,
      {
        // None where the status would tell something else than is meant.
        statusCode: statusMeant(status, code),
        retryAfterMs: retryAfterMsOf(headers),
        // A store that broke when it had all of the upload may have it all the same.
        bodySent: bodySent && (status >= 500 || status < 300),
      },
    );
    this.s3Code = code;
  }
}

/** An answer to HEAD has no text: the status is all that it says. */
function codeOfStatus(operation: string, status: number): string {
  return operation === 'HeadBucket' && status === 404 ? 'NoSuchBucket' : String(status);
}

/** The bucket is not where it is looked for. */
class WrongRegionError extends Error {
  override readonly name = 'WrongRegionError';

  constructor(configured: string, region: string | undefined, cause: S3AnswerError) {
    super(`The bucket is in the region "${region ?? 'unknown'}", not in "${configured}" as configured`, {
      cause,
    });
  }
}

/** The error behind an answer that is no success, to an `operation` as `PutObject`. */
export function answerFailure(operation: string, answer: S3Answer, region: string): ServiceError {
  const cause = new S3AnswerError(operation, answer);
  if (answer.status === 507 || NO_ROOM.has(cause.s3Code)) {
    return new ServiceError('STORAGE_FULL', 'The storage element has no room for the file.', { cause });
  }
  if (isElsewhere(answer, cause)) {
    const found = headerOf(answer, 'x-amz-bucket-region') ?? complaintOf(answer)?.region;
    return storageFailed(
      'The bucket of the storage element is elsewhere.',
      new WrongRegionError(region, found, cause),
    );
  }
  return storageFailed(detailOf(answer.status, cause.s3Code), cause);
}

function isElsewhere({ status }: S3Answer, { s3Code }: S3AnswerError): boolean {
  return (status >= 300 && status < 400 && status !== 304) || ELSEWHERE.has(s3Code);
}

function detailOf(status: number, code: string): string {
  if (code === 'NoSuchBucket') return 'The storage element has no such bucket.';
  if (code === 'RequestTimeTooSkewed') return 'The clock of the storage element is another than ours.';
  if (status === 401 || status === 403) return 'The storage element refuses access.';
  if (BUSY.test(code)) return 'The storage element is busy.';
  return 'The storage element refused the request.';
}

/**
 * A bucket that is not there or elsewhere is a fault of the element, which others make good: without a status it counts as
 * one. A 200 with an error in it is a broken answer, as one of 500 is.
 */
function statusMeant(status: number, code: string): number | undefined {
  if (code === 'NoSuchBucket' || (status >= 300 && status < 400) || ELSEWHERE.has(code)) return undefined;
  if (BUSY.test(code)) return 429;
  if (code === 'RequestTimeout') return 408;
  return status < 300 ? 500 : status;
}

/** What S3 calls the failure, where it comes from an answer. */
export function s3CodeOf(error: unknown): string | undefined {
  return error instanceof ServiceError && error.cause instanceof S3AnswerError
    ? error.cause.s3Code
    : undefined;
}
