import type { ApiVersion } from './api-versions.js';

/**
 * The headers that tell a caller where `served` stands: which version answers, which is the newest, and for a
 * deprecated one since when (`Deprecation`, RFC 9745), until when (`Sunset`, RFC 8594) and what to do.
 */
export function versionHeaders(served: ApiVersion, currentVersion: string): ReadonlyMap<string, string> {
  const headers = new Map([
    ['X-API-Version', served.version],
    ['X-API-Current-Version', currentVersion],
  ]);
  const links = linksOf(served);
  if (served.deprecatedAt) {
    headers.set('Deprecation', `@${Math.floor(served.deprecatedAt.getTime() / 1000)}`);
    headers.set('Warning', `299 - "${warningOf(served)}"`);
  }
  if (served.sunsetAt) headers.set('Sunset', served.sunsetAt.toUTCString());
  if (links.length > 0) headers.set('Link', links.join(', '));
  return headers;
}

function linksOf({ deprecatedAt, successor, deprecationLink }: ApiVersion): string[] {
  return [
    ...(successor ? [`</api/v${successor}>; rel="successor-version"`] : []),
    ...(deprecatedAt && deprecationLink ? [`<${deprecationLink}>; rel="deprecation"`] : []),
  ];
}

function warningOf({ version, sunsetAt, successor }: ApiVersion): string {
  const end = sunsetAt ? ` and ends on ${sunsetAt.toISOString().slice(0, 10)}` : '';
  return `API version ${version} is deprecated${end}${successor ? `; use version ${successor}` : ''}`;
}
