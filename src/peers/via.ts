import type { IncomingMessage } from 'node:http';

/** So the service calls itself in `Via` (RFC 9110 section 7.6.3). */
const PSEUDONYM = 'ingester';

/** Has a replica passed a request on? */
export function wasPassedOn({ headers }: IncomingMessage): boolean {
  return hopsOf(headers.via).some((hop) => hop.split(' ')[1] === PSEUDONYM);
}

/** What `Via` says of a request that we pass on. */
export function viaUs({ headers, httpVersion }: IncomingMessage): string {
  return [...hopsOf(headers.via), `${httpVersion} ${PSEUDONYM}`].join(', ');
}

function hopsOf(via = ''): string[] {
  return via.split(',').flatMap((hop) => hop.trim() || []);
}
