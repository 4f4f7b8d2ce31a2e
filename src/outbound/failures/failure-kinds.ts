import type { FailureKind } from '../outcome.js';

/** The target broke, hung or lied: it is to blame, and another try can help. */
export const FAILED: FailureKind = { verdict: 'failure', retry: 'again' };

/** The target could not be reached at all. */
export const NOT_REACHED: FailureKind = { ...FAILED, nothingSent: true };

/** The target is alive and took nothing this time; another try can help. */
export const AGAIN: FailureKind = { verdict: 'neutral', retry: 'again' };

/** The target is alive and asks to be left alone for a while. */
export const BUSY: FailureKind = { ...AGAIN, busy: true };

/** The target is there but can take nothing: it is full or read-only. Its neighbours may do better. */
export const NO_ROOM: FailureKind = { verdict: 'failure', retry: 'elsewhere' };

/** The target is alive, or was never asked: the request is wrong, or nobody waits for it any more, or the fault is ours. */
export const NOT_ITS_FAULT: FailureKind = { verdict: 'neutral', retry: 'never' };

/** The target is alive and does not want this; another one may. */
export const UNWANTED_HERE: FailureKind = { verdict: 'neutral', retry: 'elsewhere' };

/** We did not call the target, to spare it. */
export const NOT_CALLED: FailureKind = { ...UNWANTED_HERE, nothingSent: true };
