import type { Request } from 'express';
import { httpParameters } from './header-parameters.js';
import { comesFromTrustedProxy } from './trusted-proxy.js';

const PROTO = /^https?$/i;
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The scheme and host that a client has asked: a proxy that is trusted tells them by `X-Forwarded-Proto` and `X-Forwarded-Host`, or
 * where it does not know these, by `Forwarded` (RFC 7239).
 */
export function publicOrigin(request: Request): string {
  const { proto = request.protocol, host = request.host } = forwarded(request);
  return `${proto}://${host}`;
}

/** What the proxy next to the client says; nothing where it says it otherwise, or is not trusted. */
function forwarded(request: Request): { readonly proto?: string; readonly host?: string } {
  const { headers } = request;
  if (headers.forwarded === undefined || !comesFromTrustedProxy(request)) return {};
  const [first = ''] = headers.forwarded.split(',', 1);
  const parameters = new Map(httpParameters(`;${first.trim()}`));
  const [proto = '', host = ''] = [parameters.get('proto'), parameters.get('host')];
  return {
    ...(headers['x-forwarded-proto'] === undefined && PROTO.test(proto) && { proto: proto.toLowerCase() }),
    ...(headers['x-forwarded-host'] === undefined && HOST.test(host) && { host }),
  };
}
