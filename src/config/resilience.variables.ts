import { bytes, count, failureThreshold, milliseconds, text } from './variables.js';

export const resilienceVariables = {
  STORAGE_RETRY_ATTEMPTS: count(
    'Attempts to store a file, the first included, over all storage elements.',
    'attempts',
    3,
    1,
  ),
  STORAGE_RETRY_BASE_MS: milliseconds(
    'Longest wait before the second attempt at the same storage element; it doubles with each.',
    1_000,
  ),
  STORAGE_RETRY_MAX_MS: milliseconds(
    'Longest wait between two attempts; a storage element that asks for more is not waited for.',
    10_000,
  ),
  STORAGE_CIRCUIT_FAILURE_THRESHOLD: failureThreshold(
    'Failures within the window that open the circuit of a storage element.',
  ),
  STORAGE_CIRCUIT_FAILURE_WINDOW_MS: milliseconds('Time for which a failure counts.', 60_000),
  STORAGE_CIRCUIT_SUCCESS_THRESHOLD: count(
    'Successes that close a half-open circuit, and calls that it admits.',
    'successes',
    2,
    1,
  ),
  STORAGE_CIRCUIT_RECOVERY_MS: milliseconds(
    'Time from the opening of a circuit to the first call that tries again, give or take 10 %.',
    30_000,
  ),
  STORAGE_CIRCUIT_MAX_RECOVERY_MS: milliseconds(
    'Each try that fails doubles the recovery time up to this. Not above it: no doubling.',
    300_000,
  ),
  STORAGE_DEADLINE_BASE_MS: milliseconds(
    'Time that a call to the storage has in all, attempts and waiting included, before its bytes are counted.',
    120_000,
  ),
  STORAGE_DEADLINE_MIN_BYTES_PER_SECOND: count(
    'Rate by which the bytes of a call lengthen its deadline.',
    'bytes a second',
    64 * 1024,
    1,
  ),
  STORAGE_DEADLINE_MAX_MS: milliseconds(
    'Longest deadline, and that of a file whose length is not declared.',
    86_400_000,
  ),
  STORAGE_MAX_CALLS: count('Most calls to the storage in flight.', 'calls', 1_000, 1),
  STORAGE_MAX_INFLIGHT_BYTES: bytes(
    'Most bytes that the files in flight count as together, each as `STORAGE_UNKNOWN_BYTES` at most.',
    1024 ** 4,
  ),
  STORAGE_UNKNOWN_BYTES: bytes(
    'What a file counts as at most, and one whose length is not declared.',
    64 * 1024 * 1024,
  ),
  STORAGE_MAX_QUEUED: count('Most calls that wait for a place.', 'calls', 1_000),
  STORAGE_MAX_WAIT_MS: milliseconds('Longest wait for a place.', 10_000),
  STORAGE_ELEMENT_MAX_CALLS: count(
    'Most files on their way to one storage element; beyond it the next one that fits is taken.',
    'calls',
    500,
    1,
  ),
  STORAGE_ELEMENT_MAX_INFLIGHT_BYTES: bytes(
    'Most bytes that the files on their way to one storage element count as together, each as `STORAGE_UNKNOWN_BYTES` at most.',
    512 * 1024 ** 3,
  ),
  STORAGE_ELEMENT_MAX_QUEUED: count(
    'Most files that wait for a place at one storage element, where all that fit are full.',
    'calls',
    500,
  ),
  STORAGE_ELEMENT_MAX_WAIT_MS: milliseconds(
    'Longest wait for a place at a storage element, after which the answer is 503.',
    10_000,
  ),
  BODY_MEMORY_BYTES: bytes(
    'Memory in which the newest bytes of one upload are kept, so that they can be sent again; more goes to the spool.',
    1024 * 1024,
  ),
  BODY_MEMORY_TOTAL_BYTES: bytes(
    'Memory of all uploads together before they go to the spool sooner. What waits for the disk is a part of it.',
    64 * 1024 * 1024,
  ),
  SPOOL_DIR: text('Folder of the spool. Unset: `spool` under `DATA_DIR`.'),
  SPOOL_MAX_BYTES: count(
    'Most bytes of the spool in this process; beyond it uploads go on without a second attempt. 0: only the disk limits.',
    'bytes',
    0,
  ),
  SPOOL_SPARE_BYTES: count(
    'Most bytes of files of the spool that are kept for twenty seconds after their upload, to be written again by the next, which is faster than to make new ones. 0: each is removed at once.',
    'bytes',
    512 * 1024 * 1024,
  ),
};
