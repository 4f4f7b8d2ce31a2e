import { isIP } from 'node:net';
import type { Request } from 'express';

/** How a socket for both families writes an IPv4 address (RFC 4291, 2.5.5.2). */
const MAPPED_IPV4 = '::ffff:';

/**
 * Who sent a request: the other end of its connection, or where that is a trusted proxy, the client that it names in
 * `X-Forwarded-For`. What is no IP address there is passed over for the address of the proxy.
 */
export function clientAddress({ ip, socket }: Pick<Request, 'ip' | 'socket'>): string | undefined {
  const address = ip !== undefined && isIP(ip) !== 0 ? ip : socket.remoteAddress;
  return address?.startsWith(MAPPED_IPV4) ? address.slice(MAPPED_IPV4.length) : address;
}
