import { outboundBlock } from './outbound-block.js';
import { list, milliseconds, oneOf, text, url } from './variables.js';

export const serviceTokenVariables = {
  SERVICE_TOKEN_URL: url('OAuth 2.0 token endpoint that gives us our own token for storage elements.'),
  SERVICE_TOKEN_ENCODING: oneOf(
    'How the token request is written: the form of RFC 6749, or artStore’s JSON.',
    ['form', 'json'],
    'form',
  ),
  SERVICE_CLIENT_ID: text('Our client id at the token endpoint.'),
  SERVICE_CLIENT_SECRET: text('Our client secret at the token endpoint; never logged.'),
  SERVICE_TOKEN_SCOPE: text('Scope asked for. Unset: none is named.'),
  SERVICE_TOKEN_RENEW_BEFORE_MS: milliseconds('How long before its end a token is renewed.', 60_000),
  PLAIN_HTTP_HOSTS: list(
    'Hosts, beside this machine, that production may call over `http://`, where secrets can be read on the way. `*`: any.',
    /^(\*|[\w.-]+|\[[\da-f:]+\])$/i,
    'must be host names or addresses, without a port',
  ),
  // One answer serves all who wait for it.
  ...outboundBlock('SERVICE_TOKEN', 'the token endpoint', 1),
};
