import { type CellFault, type Elements, SHORT_TIMES, type Upload } from '../support/fault-cell.js';
import type { UploadFault } from '../support/storage-element-server.js';

const MIB = 1024 * 1024;

const UPLOADS: readonly Upload[] = [
  { name: 'multipart, 1 KB', method: 'POST', bytes: 1_000 },
  { name: 'multipart, 8 MiB', method: 'POST', bytes: 8 * MIB },
  { name: 'raw PUT, 1 MB', method: 'PUT', bytes: 1_000_000 },
];

/** Eight times what memory holds of a body tells the same, so it is sent to one fault, and to all in a long run. */
const LARGE: Upload = { name: 'multipart, 64 MiB', method: 'POST', bytes: 64 * MIB };

/** The lower limit of a rate. It must be easy for a healthy element, on a busy machine as well. */
const MIN_RATE = 4 * MIB;

/** How the first element fails, with every upload alike. */
export interface FaultCase {
  readonly name: string;
  readonly fault: CellFault;
  /** Of the service, beside those of every cell. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What it does to one upload would be seen by the next: each has a service of its own. */
  readonly apart?: boolean;
  /** Beside the usual uploads. */
  readonly alsoLarge?: boolean;
  /** The outcome that each upload is to have. */
  readonly expected: Readonly<Record<Elements, string>>;
}

const STORED_FIRST = '201, once, at the first';
const STORED_SECOND = '201, once, at the second';
export const FAILED = { one: '502 STORAGE_FAILED, nothing stored', two: STORED_SECOND };
export const TIMED_OUT = { one: '504 STORAGE_TIMEOUT, nothing stored', two: STORED_SECOND };
export const COOLING = {
  one: '503 NO_STORAGE_AVAILABLE with Retry-After, nothing stored',
  two: STORED_SECOND,
};
export const FULL = { one: '507 STORAGE_FULL, nothing stored', two: STORED_SECOND };
export const FOUND = { one: STORED_FIRST, two: STORED_FIRST };

function answers(status: number, headers?: Record<string, string>): () => UploadFault {
  return () => ({ kind: 'answer', status, headers });
}

export const FAULT_CASES: readonly FaultCase[] = [
  { name: 'connection refused', fault: 'refused', expected: FAILED },
  // A name that no resolver is asked for: how soon one answers is not ours to say.
  { name: 'name not found (DNS)', fault: { url: 'http://nowhere..invalid' }, expected: FAILED },
  { name: 'reset at byte 0', fault: () => ({ kind: 'reset', afterBytes: 0 }), expected: FAILED },
  {
    name: 'reset in the middle',
    alsoLarge: true,
    fault: (bytes) => ({ kind: 'reset', afterBytes: bytes / 2 }),
    expected: FAILED,
  },
  {
    name: 'reset after the last byte',
    fault: () => ({ kind: 'reset', afterBytes: Infinity }),
    expected: FAILED,
  },
  {
    name: 'stall in the middle',
    fault: (bytes) => ({ kind: 'stall', afterBytes: bytes / 2 }),
    variables: SHORT_TIMES,
    expected: TIMED_OUT,
  },
  {
    name: 'slow drip, below the minimum rate',
    fault: (bytes) => ({ kind: 'slow', bytesPerSecond: Math.min(bytes / 4, MIN_RATE / 2) }),
    variables: {
      ...SHORT_TIMES,
      STORAGE_MIN_BYTES_PER_SECOND: String(MIN_RATE),
      STORAGE_MIN_RATE_WINDOW_MS: '500',
    },
    expected: TIMED_OUT,
  },
  { name: '500', fault: answers(500), expected: FAILED },
  {
    name: '500 in the middle',
    fault: (bytes) => ({
      kind: 'answer',
      status: 500,
      headers: { connection: 'close' },
      afterBytes: bytes / 2,
    }),
    expected: FAILED,
  },
  { name: '502', fault: answers(502), expected: FAILED },
  { name: '503', fault: answers(503), expected: FAILED },
  { name: '503 with Retry-After', fault: answers(503, { 'retry-after': '30' }), expected: COOLING },
  { name: '425', fault: answers(425), expected: FAILED },
  { name: '429', fault: answers(429), expected: FAILED },
  { name: '429 with Retry-After', fault: answers(429, { 'retry-after': '30' }), expected: COOLING },
  { name: '507', fault: answers(507), expected: FULL },
  {
    name: 'hung headers: takes all, keeps nothing, never answers',
    fault: () => ({ kind: 'stall', afterBytes: Infinity }),
    variables: SHORT_TIMES,
    expected: TIMED_OUT,
  },
  { name: 'half an answer, after storing', fault: () => ({ kind: 'half-answer' }), expected: FOUND },
  { name: 'an answer that is no receipt', fault: answers(201), expected: FAILED },
  { name: 'wrong checksum', fault: () => ({ kind: 'wrong-checksum' }), expected: FAILED },
  { name: 'wrong size', fault: () => ({ kind: 'wrong-size' }), expected: FAILED },
  { name: 'answer lost after storing', fault: () => ({ kind: 'lost-answer' }), expected: FOUND },
  {
    name: '503 with Retry-After, after storing',
    apart: true,
    fault: () => ({ kind: 'answer', status: 503, headers: { 'retry-after': '30' }, keeps: true }),
    expected: FOUND,
  },
  {
    name: '429, after storing',
    fault: () => ({ kind: 'answer', status: 429, keeps: true }),
    expected: FOUND,
  },
  {
    name: 'no answer after storing',
    fault: () => ({ kind: 'hang' }),
    variables: SHORT_TIMES,
    expected: FOUND,
  },
];

/** What is sent to an element that fails so. */
export function uploadsOf({ alsoLarge = false }: FaultCase, all = false): readonly Upload[] {
  return all || alsoLarge ? [...UPLOADS, LARGE] : UPLOADS;
}
