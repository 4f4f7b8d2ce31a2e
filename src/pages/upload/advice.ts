import type { Problem } from '../shared/api.js';

/** May a file be sent again that was refused: as it is, under a new id, or not at all? */
type Again = 'same' | 'new' | 'never';

interface Advice {
  /** What to do, as a sentence; none where the problem says it all. */
  readonly what: string;
  readonly again: Again;
}

const ADVICE: Readonly<Record<string, Advice>> = {
  VALIDATION_ERROR: {
    what: 'Correct the description or the options, and choose the file again.',
    again: 'never',
  },
  EMPTY_FILE: { what: 'Choose a file that has some bytes.', again: 'never' },
  DIGEST_MISMATCH: { what: 'Try again.', again: 'same' },
  FORBIDDEN: { what: 'Use a token that may upload.', again: 'same' },
  CONFLICT: { what: 'Send it again as another upload.', again: 'new' },
  UPLOAD_EXPIRED: { what: 'Send it again from the beginning.', again: 'new' },
  UPLOAD_ENDED: { what: 'Send it again from the beginning.', again: 'new' },
  UPLOAD_CANCELLED: { what: 'Send it again if it is still wanted.', again: 'new' },
  IDEMPOTENCY_KEY_REUSED: { what: 'Send it again as another upload.', again: 'new' },
  FILE_TOO_LARGE: { what: 'Send a smaller file, or split this one.', again: 'never' },
  UNSUPPORTED_MEDIA_TYPE: { what: 'Send a file of a type that is taken here.', again: 'never' },
  RATE_LIMITED: { what: 'Try again later, with fewer files at once.', again: 'same' },
  FILE_UNREADABLE: { what: 'Choose it again.', again: 'never' },
  NOT_DELIVERED: {
    what: 'The operators decide what becomes of it; tell them the id of the upload.',
    again: 'never',
  },
};

const LATER: Advice = { what: 'Try again later; tell the operators if it stays.', again: 'same' };
const UNKNOWN: Advice = { what: 'Tell the operators.', again: 'same' };

/** What people can do about what was refused. */
export function adviceFor({ code, status }: Problem): Advice {
  return ADVICE[code] ?? (status >= 500 || status === 0 ? LATER : UNKNOWN);
}

/** May the same request succeed later without a change? Then the page goes on by itself. */
export function isTransient({ status, code }: Problem): boolean {
  if (code === 'PAGE_ERROR') return false;
  if (code === 'UPLOAD_IN_PROGRESS' || code === 'OFFSET_MISMATCH' || code === 'DIGEST_MISMATCH') return true;
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** The sentence that a problem has for people. */
export function sentenceOf({ title, detail }: Problem): string {
  const text = detail ?? title;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
