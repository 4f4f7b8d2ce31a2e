import { ServiceError } from '../../../errors/service-error.js';
import { TargetFailure } from '../../../outbound/target-failure.js';
import { storageFailed } from '../storage-failures.js';

/** What an element answered, as it came. */
export interface ElementAnswer {
  readonly status: number;
  /** At most 64 KiB; empty where the text of an error could not be read. */
  readonly text: string;
  /** When the element wants to be asked again, in milliseconds from the answer on: `Retry-After`. */
  readonly retryAfterMs?: number;
  /** Did the whole of an upload go out before the answer? */
  readonly bodySent?: boolean;
}

/** An answer that is not the one hoped for: the cause behind a `ServiceError`, for logs and for who decides on another try. */
export function unwantedAnswer({ status, text, retryAfterMs, bodySent }: ElementAnswer): TargetFailure {
  const said = JSON.stringify(text.slice(0, 200));
  return new TargetFailure(`The element answered ${status}: ${said}`, {
    statusCode: status,
    retryAfterMs,
    bodySent,
  });
}

/** artStore answers 500 when its disk is full. Only these words are taken for it: a mere "full" may be anything. */
const SAYS_FULL =
  /\b(no space left on device|not enough (free )?space|insufficient (storage|space)|(disk|storage|volume) is full|disk full|disk quota exceeded)\b/i;

/** The error behind an answer that is no success. */
export function answerFailure(answer: ElementAnswer): ServiceError {
  const { status, text } = answer;
  const cause = unwantedAnswer(answer);
  if (status === 507 || (status === 500 && SAYS_FULL.test(text))) {
    return new ServiceError('STORAGE_FULL', 'The storage element has no room for the file.', { cause });
  }
  // Elsewhere than in our limits, but as true of the file, and as little use to try again.
  if (status === 413)
    return new ServiceError('FILE_TOO_LARGE', 'The file is larger than the storage takes.', { cause });
  return storageFailed('The storage element refused the request.', cause);
}
