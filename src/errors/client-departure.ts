import type { IncomingMessage } from 'node:http';
import { protocolFailureOf } from './protocol-failure.js';
import { ServiceError } from './service-error.js';

/** Will the rest of this body never come? Whoever begins to listen asks, since nothing tells it twice. */
export function isGone(request: IncomingMessage): boolean {
  return request.destroyed || protocolFailureOf(request) !== undefined;
}

/** Why the rest of a body will not come. */
export function departureOf(request: IncomingMessage): ServiceError {
  return (
    protocolFailureOf(request) ??
    new ServiceError('CLIENT_CLOSED_REQUEST', 'The client closed the connection.')
  );
}
