import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request } from 'express';

/** What a page of another origin may read of an answer. */
const EXPOSED_HEADERS = [
  'Location',
  'Content-Location',
  'Preference-Applied',
  'Repr-Digest',
  'Content-Digest',
  'Retry-After',
  'X-Request-ID',
  'X-API-Version',
  'X-API-Current-Version',
  'Deprecation',
  'Sunset',
  'Link',
  'Tus-Resumable',
  'Tus-Version',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Checksum-Algorithm',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Defer-Length',
  'Upload-Concat',
  'Upload-Expires',
  'Upload-Complete',
  'Upload-Limit',
  'Upload-Draft-Interop-Version',
];

/** What a page may send to uploads that come in several requests. Elsewhere it may send what it asks for. */
const RESUMABLE_HEADERS = [
  'Authorization',
  'Content-Type',
  'Content-Disposition',
  'Content-Digest',
  'Repr-Digest',
  'Want-Repr-Digest',
  'Want-Content-Digest',
  'Idempotency-Key',
  'Prefer',
  'Traceparent',
  'X-Requested-With',
  'X-Request-ID',
  'X-HTTP-Method-Override',
  'Tus-Resumable',
  'Upload-Length',
  'Upload-Offset',
  'Upload-Metadata',
  'Upload-Defer-Length',
  'Upload-Concat',
  'Upload-Checksum',
  'Upload-Complete',
  'Upload-Draft-Interop-Version',
];

/** Uploads that come in several requests; the version is off the path. */
const RESUMABLE = /^\/api\/uploads(?:[/?]|$)/i;
/** Files that may be created as such: OPTIONS says so. */
const RESUMABLE_FILE = /^\/api\/files\/[0-9a-f-]{36}\/?(?:\?|$)/i;

/** Lets pages of these origins use the service; without any there is nothing to say. */
export function setUpCors(app: NestExpressApplication, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const common = {
    origin: origins.includes('*') ? '*' : [...origins],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  };
  const resumable = {
    ...common,
    methods: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    allowedHeaders: RESUMABLE_HEADERS,
    preflightContinue: true,
    // Some clients send their cookies wherever they upload, which browsers let no origin do that is not named.
    credentials: !origins.includes('*'),
  };
  app.enableCors((request: Request, callback: (error: null, options: object) => void) =>
    callback(
      null,
      RESUMABLE.test(request.url)
        ? resumable
        : { ...common, preflightContinue: RESUMABLE_FILE.test(request.url) },
    ),
  );
}
