import type { Request } from 'express';

/** The path and query of a request as they came; never a host, which a target may name as well (RFC 9112 section 3.2.2). */
export function targetOf({ originalUrl }: Request): string {
  const { pathname, search } = new URL(originalUrl, 'http://localhost');
  return `${pathname}${search}`;
}
