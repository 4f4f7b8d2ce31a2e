import type { IncomingMessage } from 'node:http';
import { failRequest } from './protocol-failure.js';
import { ServiceError } from './service-error.js';

/** An absolute-form target (RFC 9112, 3.2.2): a proxy was meant, and we answer all the same. */
const ABSOLUTE = /^https?:\/\/[^/?#]+/i;

/**
 * Checks what Node's parser lets pass and what would be answered without a problem further on: a missing or repeated
 * `Host`, a target that is no URL. Whatever is behind sees targets that begin with `/`, and `*`.
 */
export function checkHead(request: IncomingMessage): void {
  const target = request.url ?? '';
  const origin = originForm(target);
  request.url = origin ?? '*';
  if (origin === undefined) failRequest(request, malformed('The request target is no path and no URL.'));
  else if (!hasGoodHost(request)) failRequest(request, malformed('There must be one Host header.'));
}

function originForm(target: string): string | undefined {
  if (target.startsWith('/') || target === '*') return target;
  if (!ABSOLUTE.test(target) || !URL.canParse(target)) return undefined;
  const rest = target.replace(ABSOLUTE, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** RFC 9112, 3.2: none or more than one is 400; HTTP/1.0 knows none. */
function hasGoodHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const count = rawHeaders.filter((name, index) => index % 2 === 0 && /^host$/i.test(name)).length;
  return count === 1 || (count === 0 && httpVersion === '1.0');
}

function malformed(detail: string): ServiceError {
  return new ServiceError('MALFORMED_REQUEST', detail);
}
