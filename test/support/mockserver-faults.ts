import { randomBytes } from 'node:crypto';
import { type Elements, SHORT_TIMES, type Upload } from './fault-cell.js';

/** How MockServer fails as a storage element, with every upload alike. It keeps no file. */
export interface MockServerFault {
  readonly name: string;
  /** Does it act on the head of a request, before it has read the body? */
  readonly isEarly?: boolean;
  /** Of the service, beside those of every cell. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What it does, as a member of an expectation in its own format. */
  readonly action: Readonly<Record<string, unknown>>;
  /** The outcome that each upload is to have. */
  readonly expected: Readonly<Record<Elements, string>>;
}

/** Larger ones fill the memory of the MockServer that the tests start. */
export const MOCKSERVER_UPLOADS: readonly Upload[] = [
  { name: 'multipart, 1 KB', method: 'POST', bytes: 1_000 },
  { name: 'multipart, 8 MiB', method: 'POST', bytes: 8 * 1024 * 1024 },
  { name: 'raw PUT, 1 MB', method: 'PUT', bytes: 1_000_000 },
];

const SECOND = '201, once, at the second';
const FAILED = { one: '502 STORAGE_FAILED, nothing stored', two: SECOND };
const TIMED_OUT = { one: '504 STORAGE_TIMEOUT, nothing stored', two: SECOND };
const COOLING = { one: '503 NO_STORAGE_AVAILABLE with Retry-After, nothing stored', two: SECOND };

const RECEIPT = { statusCode: 201, body: { file_id: '00000000-0000-4000-8000-000000000001', size: 1 } };
/** Three times what an element is given to answer. */
const LATE = { timeUnit: 'MILLISECONDS', value: 6_000 };
const noise = (): string => randomBytes(512).toString('base64');

export const MOCKSERVER_FAULTS: readonly MockServerFault[] = [
  {
    name: 'connection dropped before the body is read',
    isEarly: true,
    action: { httpError: { dropConnection: true } },
    expected: FAILED,
  },
  {
    name: 'connection dropped after the body',
    action: { httpError: { dropConnection: true } },
    expected: FAILED,
  },
  {
    name: 'connection dropped late',
    variables: SHORT_TIMES,
    action: { httpError: { dropConnection: true, delay: LATE } },
    expected: TIMED_OUT,
  },
  {
    name: 'random bytes, then dropped',
    action: { httpError: { responseBytes: noise(), dropConnection: true } },
    expected: FAILED,
  },
  {
    name: 'random bytes, and kept open',
    action: { httpError: { responseBytes: noise(), dropConnection: false } },
    expected: FAILED,
  },
  {
    name: '201 with random bytes',
    action: { httpResponse: { statusCode: 201, body: { type: 'BINARY', base64Bytes: noise() } } },
    expected: FAILED,
  },
  {
    name: '201 with half of a receipt',
    action: { httpResponse: RECEIPT, chaos: { truncateBodyAtFraction: 0.5 } },
    expected: FAILED,
  },
  {
    name: '201 too late',
    variables: SHORT_TIMES,
    action: { httpResponse: { ...RECEIPT, delay: LATE } },
    expected: TIMED_OUT,
  },
  {
    name: '201 that trickles',
    variables: SHORT_TIMES,
    action: {
      httpResponse: RECEIPT,
      chaos: { slowResponseChunkSize: 4, slowResponseChunkDelay: { timeUnit: 'MILLISECONDS', value: 400 } },
    },
    expected: TIMED_OUT,
  },
  { name: '500', action: { httpResponse: { statusCode: 500 } }, expected: FAILED },
  {
    name: '500 before the body is read',
    isEarly: true,
    action: { httpResponse: { statusCode: 500 } },
    expected: FAILED,
  },
  { name: '503', action: { httpResponse: { statusCode: 503 } }, expected: FAILED },
  {
    name: '503 with Retry-After',
    action: {
      httpResponse: RECEIPT,
      chaos: { errorStatus: 503, errorProbability: 1, retryAfter: '30' },
    },
    expected: COOLING,
  },
];
