import { bytes, count, list, milliseconds } from './variables.js';

export const uploadVariables = {
  MAX_FILE_BYTES: bytes('Largest file taken; above it the answer is 413.', 10 * 1024 ** 3),
  MAX_FIELD_BYTES: bytes('Largest text part of a multipart upload.', 64 * 1024),
  MAX_PARTS: count('Most parts in a multipart upload, the file included.', 'parts', 20, 1),
  MAX_PART_HEADER_BYTES: bytes('Largest header block of one part.', 8 * 1024, 128),
  ALLOWED_MEDIA_TYPES: list(
    'File types taken, as `image/png` or `image/*`; the bytes must fit the type that is declared. Empty: all are taken.',
    /^[\w.+-]+\/([\w.+-]+|\*)$/,
    'must be media types such as image/png or image/*',
  ),
  MAX_UPLOADS: count(
    'Most uploads at once, of which one caller gets his share; beyond it 429, or a wait and then 503.',
    'uploads',
    1_000,
    1,
  ),
  MAX_UPLOADS_PER_CALLER: count(
    'Most uploads at once of one caller (`sub`); above it the answer is 429.',
    'uploads',
    500,
    1,
  ),
  MAX_LOOKUPS_PER_CALLER: count(
    'Most receipts at once for which one caller has the storage asked; above it the answer is 429.',
    'lookups',
    50,
    1,
  ),
  MAX_UPLOADS_BYTES: bytes(
    'Most bytes that the uploads under way count as together, shared as `MAX_UPLOADS`; one has at most its `UNKNOWN_UPLOAD_BYTES` when it is let in.',
    1024 ** 4,
  ),
  UNKNOWN_UPLOAD_BYTES: bytes(
    'What an upload counts as at most before more than that has come, and one whose length is not declared.',
    64 * 1024 * 1024,
  ),
  MAX_UPLOADS_WAITING: count('Most uploads that wait to be let in.', 'uploads', 1_000),
  MAX_UPLOAD_WAIT_MS: milliseconds('Longest wait to be let in, after which the answer is 503.', 10_000),
  CLIENT_IDLE_TIMEOUT_MS: milliseconds(
    'Time without one byte from the client, while we are ready to read, after which the answer is 408; and without the system taking any of its answer, after which the connection is closed.',
    30_000,
  ),
  CLIENT_MIN_BYTES_PER_SECOND: count(
    'Slowest client that is served, measured over `CLIENT_MIN_RATE_WINDOW_MS`. 0: no lower limit.',
    'bytes a second',
    64 * 1024,
  ),
  CLIENT_MIN_RATE_WINDOW_MS: milliseconds('Time over which the rate of a client is measured.', 60_000),
  RESUMABLE_MAX_IDLE_MS: milliseconds(
    'Time without new bytes after which an upload that is not complete is given up.',
    86_400_000,
  ),
  RESUMABLE_RETENTION_MS: milliseconds(
    'Time for which a resumable upload that has ended can be asked for; its receipt can be for longer.',
    86_400_000,
  ),
  RESUMABLE_SWEEP_INTERVAL_MS: milliseconds(
    'Time between two looks through the uploads that are not complete.',
    600_000,
  ),
  RESUMABLE_MAX_UPLOADS_PER_CALLER: count(
    'Most uploads of one caller (`sub`) that are not complete; above it the answer is 429.',
    'uploads',
    1_000,
    1,
  ),
  RESUMABLE_MAX_BYTES_PER_CALLER: bytes(
    'Most bytes that these have together, by their declared lengths.',
    1024 ** 4,
  ),
  RESUMABLE_MAX_APPEND_BYTES: count(
    'Most bytes that one request brings to an upload of the IETF kind; above it the answer is 413. 0: no limit.',
    'bytes',
    0,
  ),
  RESUMABLE_MIN_APPEND_BYTES: count(
    'Fewest bytes that such a request brings, unless it is the last one or its body is chunked; below it the answer is 400. 0: no limit.',
    'bytes',
    0,
  ),
};
