import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { EndpointRequest } from '../outbound/endpoint-client.js';

/**
 * The request for a token with our client credentials, which are in the body (RFC 6749 section 2.3.1): the form of
 * section 4.4.2, or artStore's JSON with the same members.
 */
export function tokenRequest(config: ConfigService<Environment, true>): EndpointRequest {
  const scope = config.get('SERVICE_TOKEN_SCOPE', { infer: true });
  const members = {
    grant_type: 'client_credentials',
    client_id: config.get('SERVICE_CLIENT_ID', { infer: true }) ?? '',
    client_secret: config.get('SERVICE_CLIENT_SECRET', { infer: true }) ?? '',
    ...(scope !== undefined && { scope }),
  };
  const [contentType, body] =
    config.get('SERVICE_TOKEN_ENCODING', { infer: true }) === 'json'
      ? ['application/json', JSON.stringify(members)]
      : ['application/x-www-form-urlencoded', new URLSearchParams(members).toString()];
  return { method: 'POST', headers: { 'content-type': contentType, accept: 'application/json' }, body };
}
