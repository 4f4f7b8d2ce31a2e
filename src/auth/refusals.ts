import { ServiceError } from '../errors/service-error.js';
import type { Permission } from './permissions.js';

/**
 * A 401 that names the rule that failed, as a sentence without its full stop. Nothing that came from the token goes in, not even as a
 * `cause`: a JSON parser quotes its input in its messages, and causes are logged.
 */
export function unauthorized(rule: string): ServiceError {
  // RFC 6750, section 3.1. The same attribute answers a missing token, as our contract says.
  return new ServiceError('UNAUTHORIZED', `${rule}.`, {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  });
}

/** A 403 for a good token that does not grant `permission`, which is named as the scope that grants it. */
export function forbidden(permission: Permission): ServiceError {
  return new ServiceError('FORBIDDEN', `The token does not grant ${permission}.`, {
    headers: { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="${permission}"` },
  });
}
