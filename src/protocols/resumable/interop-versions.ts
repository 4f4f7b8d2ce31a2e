import type { IncomingMessage } from 'node:http';
import { integerField } from './structured-fields.js';

/** Those of draft-ietf-httpbis-resumable-upload-04 and later, the newest first: on the wire they are one. */
const SERVED: ReadonlySet<number> = new Set([9, 8, 7, 6]);

/** draft-ietf-httpbis-resumable-upload-03, whose `PATCH` has no media type yet. */
const WITHOUT_MEDIA_TYPE = 5;

const FIELD = 'upload-draft-interop-version';

/**
 * Which version of the draft a client speaks, where it is one of ours. Nobody is refused for another, or for none; but only who
 * has named one of these expects interim responses.
 */
export function servedInteropVersion(request: IncomingMessage): number | undefined {
  const version = integerField(request, FIELD);
  return version !== undefined && SERVED.has(version) ? version : undefined;
}

/** Does a client speak a version in which bytes that are appended have no media type? */
export function omitsMediaType(request: IncomingMessage): boolean {
  return integerField(request, FIELD) === WITHOUT_MEDIA_TYPE;
}
