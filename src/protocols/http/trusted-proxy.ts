import type { Request } from 'express';

/** Does a request come from a proxy that is trusted? Express makes the rule of `trust proxy`. */
export function comesFromTrustedProxy({ app, socket }: Request): boolean {
  const trusts: unknown = app.get('trust proxy fn');
  return typeof trusts === 'function' && trusts(socket.remoteAddress, 0) === true;
}
