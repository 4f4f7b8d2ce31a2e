import type { Problem } from '../shared/api.js';
import { adviceFor, sentenceOf } from './advice.js';

/** What is known of a file, from its choice to its end. */
export type UploadState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'sending'; readonly sent: number; readonly bytesPerSecond?: number }
  /** All bytes are sent, and nothing was said of them yet. */
  | { readonly kind: 'finishing' }
  | { readonly kind: 'paused'; readonly sent: number }
  | { readonly kind: 'token' }
  | { readonly kind: 'retrying'; readonly problem: Problem; readonly waitMs: number }
  | { readonly kind: 'accepted'; readonly problem?: Problem }
  | { readonly kind: 'stored'; readonly afterMs?: number }
  | { readonly kind: 'refused'; readonly problem: Problem }
  /** The service is asked to take it back, and has not said yet what became of it. */
  | { readonly kind: 'cancelling'; readonly problem?: Problem }
  /** `isUncertain`: all bytes were sent, and the service never said what became of them. */
  | { readonly kind: 'cancelled'; readonly isUncertain?: boolean };

type Words = {
  [K in UploadState['kind']]: (state: Extract<UploadState, { kind: K }>, size: number) => string;
};

const WORDS: Words = {
  waiting: () => 'waiting',
  sending: sendingWords,
  finishing: () => 'sent; waiting for the answer',
  paused: ({ sent }, size) => `paused at ${percent(sent, size)} %`,
  token: () => 'waiting for a token',
  retrying: ({ problem, waitMs }) => `${sentenceOf(problem)} It goes on by itself ${soon(waitMs)}.`,
  accepted: ({ problem }) =>
    problem ? `accepted, will be stored later. ${sentenceOf(problem)}` : 'accepted, will be stored later',
  stored: ({ afterMs }) =>
    afterMs === undefined ? 'stored' : `stored after ${durationText(afterMs / 1000)}`,
  refused: ({ problem }) =>
    `refused: ${problem.code}. ${sentenceOf(problem)} ${adviceFor(problem).what}`.trimEnd(),
  cancelling: ({ problem }) => (problem ? `cancelling. ${sentenceOf(problem)}` : 'cancelling'),
  cancelled: ({ isUncertain }) => (isUncertain ? 'cancelled, as far as can be known' : 'cancelled'),
};

/** What is said of a file of `size` bytes. */
export function wordsOf(state: UploadState, size: number): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each kind has the function of its own kind
  const words = WORDS[state.kind] as (state: UploadState, size: number) => string;
  return words(state, size);
}

/** Whole percent, rounded down: 100 are all bytes. */
export function percent(sent: number, size: number): number {
  return size === 0 ? 100 : Math.floor((100 * Math.min(sent, size)) / size);
}

/** A number of bytes for people, in units of 1000: `12 MB`, `1.5 GB`. */
export function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A time for people, with one unit: `20 s`, `4 min`, `3 h`. */
export function durationText(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(Math.round(seconds), 1)} s`;
  if (seconds < 3570) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function sendingWords(
  { sent, bytesPerSecond }: { readonly sent: number; readonly bytesPerSecond?: number },
  size: number,
): string {
  const done = `sending ${percent(sent, size)} %`;
  if (bytesPerSecond === undefined) return done;
  if (bytesPerSecond < 1) return `${done}, nothing goes out at the moment`;
  return `${done}, ${sizeText(bytesPerSecond)}/s, ${durationText((size - sent) / bytesPerSecond)} left`;
}

function soon(ms: number): string {
  return ms < 1_500 ? 'at once' : `in ${durationText(ms / 1000)}`;
}
