import type { IncomingMessage } from 'node:http';
import type { ServiceError } from './service-error.js';

const failures = new WeakMap<IncomingMessage, ServiceError>();

/** What is wrong with the head of a request, or why the rest of its body will never come. */
export function protocolFailureOf(request: IncomingMessage): ServiceError | undefined {
  return failures.get(request);
}

/** Notes that a request breaks the protocol, and tells whoever is reading its body: it gets no `end`, but an `error`. */
export function failRequest(request: IncomingMessage, error: ServiceError): void {
  failures.set(request, error);
  // Unheard it would end the process; who begins to read later has to ask.
  if (request.listenerCount('error') > 0) request.emit('error', error);
}

/** Middleware that answers what is no good HTTP request. */
export function refuseProtocolFailure(
  request: IncomingMessage,
  _response: unknown,
  next: (error?: ServiceError) => void,
): void {
  next(failures.get(request));
}
