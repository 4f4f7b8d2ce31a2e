import { ServiceError } from '../errors/service-error.js';

/** Longer delays are cut to this: 24 days, the longest that a timer of Node keeps. */
const MAX_DELAY_MS = 2 ** 31 - 1;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * RFC 9110 section 5.6.7: "A recipient that parses a timestamp value in an HTTP field MUST accept all three
 * HTTP-date formats."
 */
const HTTP_DATES = [
  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/,
  // rfc850-date: Sunday, 06-Nov-94 08:49:37 GMT
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/,
  // asctime-date: Sun Nov  6 08:49:37 1994
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?<month>[A-Z][a-z]{2}) (?<day>\d\d| \d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/,
];

/**
 * Reads a `Retry-After` (RFC 9110 section 10.2.3): seconds or an HTTP-date, as milliseconds from `wallNowMs` on.
 * A date that has passed is 0; undefined for no header and for what is neither.
 */
export function parseRetryAfter(value: unknown, wallNowMs: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : msUntil(text, wallNowMs);
  return ms === undefined ? undefined : Math.min(Math.max(0, ms), MAX_DELAY_MS);
}

/** Milliseconds that whoever failed with `error` is told to wait before another try; 0 where it does not say. */
export function waitAskedForMs(error: unknown): number {
  return error instanceof ServiceError ? (error.options.retryAfterMs ?? 0) : 0;
}

function msUntil(text: string, wallNowMs: number): number | undefined {
  const groups = HTTP_DATES.map((format) => format.exec(text)?.groups).find((found) => found !== undefined);
  if (!groups) return undefined;
  const { day = '', month = '', year = '', time = '' } = groups;
  const monthNumber = String(MONTHS.indexOf(month) + 1).padStart(2, '0');
  const fullYear = year.length === 2 ? yearOf(Number(year), wallNowMs) : year;
  const ms = Date.parse(`${fullYear}-${monthNumber}-${day.replace(' ', '0')}T${time}Z`) - wallNowMs;
  return Number.isNaN(ms) ? undefined : ms;
}

/** "MUST interpret a timestamp that appears to be more than 50 years in the future as [...] in the past." */
function yearOf(twoDigits: number, wallNowMs: number): number {
  const thisYear = new Date(wallNowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
