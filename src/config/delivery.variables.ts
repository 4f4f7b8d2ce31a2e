import { z } from 'zod';
import { outboundBlock } from './outbound-block.js';
import { bytes, count, days, failureThreshold, flag, milliseconds, oneOf, url } from './variables.js';

export const deliveryVariables = {
  DATABASE_URL: z
    .url({
      protocol: /^postgres(ql)?$/,
      error: 'must be a URL such as postgres://user:password@host/database',
    })
    .optional()
    .meta({
      description:
        'PostgreSQL for what was accepted and is not delivered yet; never logged. Unset: SQLite in `database.sqlite` under `DATA_DIR`, for one process alone.',
      unit: 'URL',
    }),
  DATABASE_POOL_SIZE: count('Most connections to PostgreSQL.', 'connections', 10, 2),
  DATABASE_CONNECT_TIMEOUT_MS: milliseconds(
    'Time to connect to PostgreSQL, or to get a connection of the pool.',
    3_000,
  ),
  DATABASE_STATEMENT_TIMEOUT_MS: milliseconds(
    'Time that the database has for one statement, locks included.',
    10_000,
  ),
  DATABASE_CALL_TIMEOUT_MS: milliseconds(
    'Time for a call to the database in all: waiting for a place, opening it, and all statements of a transaction.',
    60_000,
  ),
  DATABASE_MAX_QUEUED: count('Most calls to the database that wait for a connection.', 'calls', 1_000, 0),
  DATABASE_CIRCUIT_FAILURE_THRESHOLD: failureThreshold(
    'Failures within the window that open the circuit of the database.',
  ),
  DATABASE_CIRCUIT_FAILURE_WINDOW_MS: milliseconds('Time for which a failure counts.', 60_000),
  DATABASE_CIRCUIT_SUCCESS_THRESHOLD: count(
    'Successes that close a half-open circuit, and calls that it admits.',
    'successes',
    2,
    1,
  ),
  DATABASE_CIRCUIT_RECOVERY_MS: milliseconds(
    'Time from the opening of the circuit of the database to the first call that tries again, give or take 10 %.',
    5_000,
  ),
  DELIVER_LATER: flag(
    'Keeps a file that cannot be stored now, answers 202 and stores it later. Off: the upload fails, and `Prefer: respond-async` is passed over.',
    true,
  ),
  SPOOL_ACCEPT_MAX_BYTES: count(
    'Most bytes of accepted files in the spool, with those that are coming; what would be more is refused. 0: only the disk limits.',
    'bytes',
    0,
  ),
  SPOOL_MIN_FREE_BYTES: count(
    'Free space of the spool below which nothing more is accepted, until there is twice as much. 0: not checked.',
    'bytes',
    1024 ** 3,
  ),
  SPOOL_MAX_AGE_HOURS: count(
    'Age of the oldest accepted file that waits for its delivery, beyond which nothing more is accepted. 0: not checked.',
    'hours',
    72,
  ),
  SPOOL_ORPHAN_AGE_MS: milliseconds(
    'Age at which a file in the spool that nobody was promised is removed: it was left by a process that was killed while it accepted it.',
    300_000,
  ),
  SPOOL_SWEEP_INTERVAL_MS: milliseconds(
    'Time between two comparisons of the spool with the database.',
    60_000,
  ),
  DELIVERY_CONCURRENCY: count(
    'Most files of each retention policy that are delivered at once.',
    'files',
    8,
    1,
  ),
  DELIVERY_LARGE_CONCURRENCY: count('The same of large files, beside the others.', 'files', 2, 1),
  DELIVERY_LARGE_BYTES: bytes('Size above which a file counts as large.', 64 * 1024 * 1024),
  DELIVERY_MAX_ATTEMPTS: count(
    'Attempts to deliver or to register a file, before it is a dead letter. Waiting for an open circuit is none.',
    'attempts',
    20,
    1,
  ),
  DELIVERY_MAX_AGE_MS: milliseconds('Age at which what is not delivered becomes a dead letter.', 604_800_000),
  DELIVERY_MAX_DOUBT_MS: milliseconds(
    'Time for which a storage element is asked whether it has a file after its answer was lost, before the file becomes a dead letter.',
    86_400_000,
  ),
  DELIVERY_BACKOFF_BASE_MS: milliseconds(
    'Longest wait before the second attempt of a delivery; it doubles with each.',
    1_000,
  ),
  DELIVERY_BACKOFF_MAX_MS: milliseconds('Longest wait between two attempts of a delivery.', 300_000),
  DELIVERY_LEASE_MS: milliseconds(
    'Time after which what a process was delivering is taken over by another, once it no longer says that it lives.',
    30_000,
    100,
  ),
  DELIVERY_POLL_MS: milliseconds('Time between two looks for something to deliver.', 500, 10),
  RECEIPT_RETENTION_DAYS: days('Time for which a finished upload can be asked for; at most 36500.', 30, 1),
  DEAD_LETTER_RETENTION_DAYS: days(
    'Time for which a dead letter and its file are kept; at most 36500. 0: until it is dropped.',
    30,
    0,
  ),
  DEAD_LETTER_REDELIVERY_MAX: count(
    'Most dead letters that one order over many sends again.',
    'dead letters',
    100,
    1,
  ),
  DEAD_LETTER_REDELIVERY_SPACING_MS: milliseconds(
    'Time from one of these to the next. Until the last is due, the answer to another such order is 429.',
    200,
  ),
  ADMIN_URL: url('Admin module where stored files are registered. Unset: they are not registered.'),
  ADMIN_GENERATION: oneOf('The API that the Admin module speaks.', ['goartstore', 'artstore'], 'goartstore'),
  ...outboundBlock('ADMIN', 'the Admin module'),
};
