import type { Request } from 'express';

/**
 * The path that the client asked for, as it was sent: without the query, which may hold a secret, and without
 * the scheme and authority of an absolute-form target (RFC 9112, 3.2.2), which may hold a password.
 */
export function requestPath({ originalUrl }: Pick<Request, 'originalUrl'>): string {
  const end = originalUrl.search(/[?#]/);
  const target = end < 0 ? originalUrl : originalUrl.slice(0, end);
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '') || '/';
}
