import { SHORT_TIMES } from '../support/fault-cell.js';
import type { S3Fault } from '../support/s3-double/s3-faults.js';
import { COOLING, FAILED, FOUND, FULL, type FaultCase, TIMED_OUT } from './fault-cases.js';

const PARTS = ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'];
const WRITES = ['PutObject', ...PARTS];
const ALL = [...WRITES, 'HeadBucket', 'HeadObject', 'DeleteObject', 'ListParts', 'AbortMultipartUpload'];

/** The key of a file, and not one with which the store is tried out. */
const FILE = /-[0-9a-f]{12}$/;

/** Such a fault of all requests of these kinds. */
function at(operations: readonly string[], does: S3Fault['does']): FaultCase['fault'] {
  return { bucket: operations.map((on) => ({ on, does })) };
}

/** Such a fault of the requests that make a file. */
function atTheEnd(does: S3Fault['does']): FaultCase['fault'] {
  return { bucket: ['PutObject', 'CompleteMultipartUpload'].map((on) => ({ on, key: FILE, does })) };
}

function answer(status: number, code: string, headers?: Record<string, string>): S3Fault['does'] {
  return { kind: 'answer', status, code, headers };
}

/** How the store of a bucket fails, which is the first element. */
export const S3_FAULT_CASES: readonly FaultCase[] = [
  { name: '500 InternalError', fault: at(WRITES, answer(500, 'InternalError')), expected: FAILED },
  { name: '503 SlowDown', fault: at(WRITES, answer(503, 'SlowDown')), expected: FAILED },
  {
    name: '503 SlowDown with Retry-After',
    fault: at(WRITES, answer(503, 'SlowDown', { 'retry-after': '30' })),
    expected: COOLING,
  },
  { name: '403 AccessDenied', fault: at(ALL, answer(403, 'AccessDenied')), expected: FAILED },
  { name: '404 NoSuchBucket', fault: at(ALL, answer(404, 'NoSuchBucket')), expected: FAILED },
  { name: '507 QuotaExceeded', fault: at(WRITES, answer(507, 'QuotaExceeded')), expected: FULL },
  {
    name: 'cut off at the order to make the file',
    fault: atTheEnd({ kind: 'cut', when: 'before' }),
    expected: FAILED,
  },
  {
    name: '200 with an error in it',
    fault: atTheEnd({ kind: 'error-in-200', code: 'InternalError' }),
    expected: FAILED,
  },
  {
    name: 'takes no bytes',
    fault: at(['PutObject', 'UploadPart'], { kind: 'stall' }),
    variables: SHORT_TIMES,
    expected: TIMED_OUT,
  },
  { name: 'answer lost after storing', fault: atTheEnd({ kind: 'cut', when: 'after' }), expected: FOUND },
  {
    name: 'no answer after storing',
    fault: atTheEnd({ kind: 'hang' }),
    variables: SHORT_TIMES,
    expected: FOUND,
  },
];
