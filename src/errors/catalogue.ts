interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  /** May the same request succeed later without a change by the caller? */
  readonly retryable: boolean;
}

/**
 * Every error the service answers with. Codes are stable: callers compare them, and a retired code is never
 * used again. docs/errors.md lists the same, held by a test.
 */
export const ERROR_CATALOGUE = {
  VALIDATION_ERROR: { status: 400, title: 'The request is not valid', retryable: false },
  MALFORMED_REQUEST: { status: 400, title: 'The HTTP request cannot be parsed', retryable: false },
  MALFORMED_MULTIPART: { status: 400, title: 'The multipart body cannot be parsed', retryable: false },
  LENGTH_MISMATCH: { status: 400, title: 'The lengths that were declared differ', retryable: false },
  APPEND_TOO_SMALL: { status: 400, title: 'The request brings too few bytes', retryable: false },
  EMPTY_FILE: { status: 400, title: 'The file is empty', retryable: false },
  DIGEST_MISMATCH: { status: 400, title: 'The bytes do not match the declared digest', retryable: true },
  UNAUTHORIZED: { status: 401, title: 'A valid token is required', retryable: false },
  FORBIDDEN: { status: 403, title: 'The token does not grant this', retryable: false },
  UPLOAD_ABORTED: { status: 403, title: 'An operator has stopped the upload', retryable: false },
  NOT_FOUND: { status: 404, title: 'There is nothing here', retryable: false },
  UNKNOWN_API_VERSION: { status: 404, title: 'The API version does not exist', retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The resource has no such method', retryable: false },
  VERSION_NOT_ACCEPTABLE: { status: 406, title: 'The API version asked for is not served', retryable: false },
  CLIENT_STALLED: { status: 408, title: 'The client sends too slowly', retryable: true },
  CONFLICT: { status: 409, title: 'This does not fit what is there', retryable: false },
  UPLOAD_IN_PROGRESS: { status: 409, title: 'An upload of this id is under way', retryable: true },
  OFFSET_MISMATCH: { status: 409, title: 'The bytes begin at another offset', retryable: true },
  API_VERSION_SUNSET: { status: 410, title: 'The API version is no longer served', retryable: false },
  UPLOAD_EXPIRED: { status: 410, title: 'The time of the upload is over', retryable: false },
  UPLOAD_ENDED: { status: 410, title: 'The upload has ended without a file', retryable: false },
  TUS_VERSION_UNSUPPORTED: { status: 412, title: 'The tus version is not served', retryable: false },
  FILE_TOO_LARGE: { status: 413, title: 'The file is too large', retryable: false },
  APPEND_TOO_LARGE: { status: 413, title: 'The request brings too many bytes', retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The media type is not taken', retryable: false },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The key is that of another upload', retryable: false },
  RATE_LIMITED: { status: 429, title: 'The caller has too much under way', retryable: true },
  HEADERS_TOO_LARGE: { status: 431, title: 'The request headers are too large', retryable: false },
  CHECKSUM_MISMATCH: { status: 460, title: 'The bytes do not match their checksum', retryable: true },
  CLIENT_CLOSED_REQUEST: { status: 499, title: 'The client went away', retryable: true },
  INTERNAL_ERROR: { status: 500, title: 'Something went wrong on our side', retryable: true },
  STORAGE_FAILED: { status: 502, title: 'The storage failed', retryable: true },
  ADMIN_UNAVAILABLE: { status: 502, title: 'The token endpoint or Admin module failed', retryable: true },
  NO_STORAGE_AVAILABLE: { status: 503, title: 'No storage takes this file now', retryable: true },
  CIRCUIT_OPEN: { status: 503, title: 'Calls to what is needed are suspended', retryable: true },
  BULKHEAD_FULL: { status: 503, title: 'The service has too much under way', retryable: true },
  QUEUE_UNAVAILABLE: { status: 503, title: 'The file cannot be accepted for later now', retryable: true },
  REPLICA_UNAVAILABLE: { status: 503, title: 'The replica that has the upload is away', retryable: true },
  DRAINING: { status: 503, title: 'The replica takes no new uploads', retryable: true },
  SHUTTING_DOWN: { status: 503, title: 'The service is shutting down', retryable: true },
  STORAGE_TIMEOUT: { status: 504, title: 'The storage did not answer in time', retryable: true },
  DEADLINE_EXCEEDED: { status: 504, title: 'The time for the request is over', retryable: true },
  STORAGE_FULL: { status: 507, title: 'The storage is full', retryable: true },
  SPOOL_FULL: { status: 507, title: 'There is no room to keep the file for another try', retryable: true },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
