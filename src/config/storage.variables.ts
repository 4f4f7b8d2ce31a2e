import { milliseconds, count, flag, text } from './variables.js';
import { storageElementsVariable } from './storage-elements.variable.js';

export const storageVariables = {
  STORAGE_ELEMENTS: storageElementsVariable,
  S3_ACCESS_KEY_ID: text(
    'Access key of the elements with the driver `s3` that name no `credentials` or `profile`. With the id of an element behind it, as `S3_ACCESS_KEY_ID_BACKUP` for `backup`, of that one; so the two below. Unset: what AWS’s usual chain finds.',
  ),
  S3_SECRET_ACCESS_KEY: text('The secret key that belongs to it; never logged.'),
  S3_SESSION_TOKEN: text('The session token, where the two are for some time only; never logged.'),
  STORAGE_CONNECT_TIMEOUT_MS: milliseconds('Time to connect to a storage element.', 3_000),
  STORAGE_STALL_TIMEOUT_MS: milliseconds(
    'Time in which a storage element takes no byte although we have some, before the attempt is given up.',
    30_000,
  ),
  STORAGE_MIN_BYTES_PER_SECOND: count(
    'Slowest storage element that is borne with, measured over the time in which it takes nothing although we have something. 0: any.',
    'bytes a second',
    64 * 1024,
  ),
  STORAGE_MIN_RATE_WINDOW_MS: milliseconds(
    'Such time over which the rate of a storage element is measured.',
    60_000,
  ),
  STORAGE_COMMIT_TIMEOUT_MS: milliseconds(
    'Time a storage element has to answer after the last byte; a large file gets its size ÷ 50 MiB/s if that is longer.',
    30_000,
  ),
  STORAGE_REQUEST_TIMEOUT_MS: milliseconds(
    'Time a storage element has to answer stat, delete and health.',
    10_000,
  ),
  STORAGE_MAX_CONNECTIONS: count(
    'Most connections to one storage element: somewhat more than `STORAGE_ELEMENT_MAX_CALLS`, so that some are left for stat, delete and health.',
    'connections',
    512,
    1,
  ),
  STORAGE_REMOVE_EXPIRED: flag(
    'Removes temporary files from local storage elements when their time is over. Off: their bytes stay.',
    true,
  ),
  STORAGE_EXPIRY_SWEEP_INTERVAL_MS: milliseconds(
    'Time between two looks through a local storage element for such files; the first is at the start.',
    3_600_000,
    1_000,
  ),
};
