import { Pool } from 'undici';
import { z } from 'zod';
import { ServiceError } from '../errors/service-error.js';

export interface TokenEndpointSettings {
  readonly url: string;
  /** `form` is RFC 6749, `json` is artStore's own. */
  readonly encoding: 'form' | 'json';
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
  readonly timeoutMs: number;
}

/** An access token and how long it is good for, in milliseconds from the request for it. */
export interface IssuedToken {
  readonly value: string;
  readonly lifeMs: number;
}

/** Larger answers are cut off; a token is far smaller. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** RFC 6749 section 5.1. The token is that of RFC 6750 section 2.1, so it cannot break out of a header. */
const answerSchema = z.object({
  access_token: z.string().regex(/^[A-Za-z0-9._~+/-]+=*$/),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: z.number().positive(),
});

/** RFC 6749 section 5.2. Other texts of the endpoint are not repeated: they may echo what we sent. */
const refusalSchema = z.object({
  error: z.enum([
    'invalid_request',
    'invalid_client',
    'invalid_grant',
    'unauthorized_client',
    'unsupported_grant_type',
    'invalid_scope',
  ]),
});

/**
 * The OAuth 2.0 token endpoint, asked with our client credentials (RFC 6749 section 4.4; the credentials are in
 * the body, section 2.3.1). Private fields keep the secret out of whatever prints this object.
 */
export class TokenEndpoint {
  readonly #url: URL;
  readonly #request: { readonly headers: Readonly<Record<string, string>>; readonly body: string };
  readonly #timeoutMs: number;
  #pool: Pool | undefined;

  constructor(settings: TokenEndpointSettings) {
    this.#url = new URL(settings.url);
    this.#request = tokenRequest(settings);
    this.#timeoutMs = settings.timeoutMs;
  }

  /** Asks for a token. @throws ADMIN_UNAVAILABLE when there is no usable answer in time. */
  async issue(): Promise<IssuedToken> {
    const { status, text } = await this.#ask();
    if (status !== 200) throw refused(status, text);
    const { data, error } = answerSchema.safeParse(parseJson(text));
    if (!data) {
      const wrong = error.issues.map(({ path }) => path.join('.') || 'the answer').join(', ');
      throw unavailable('gave an answer that is not understood', new Error(`unusable: ${wrong}`));
    }
    return { value: data.access_token, lifeMs: data.expires_in * 1000 };
  }

  /** Closes the connection; whoever still waits for a token gets ADMIN_UNAVAILABLE. */
  async close(): Promise<void> {
    await this.#pool?.destroy();
  }

  async #ask(): Promise<{ status: number; text: string }> {
    this.#pool ??= new Pool(this.#url.origin, {
      allowH2: false,
      connect: { timeout: this.#timeoutMs },
      maxResponseSize: MAX_ANSWER_BYTES,
    });
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      const path = this.#url.pathname + this.#url.search;
      const response = await this.#pool.request({ method: 'POST', path, ...this.#request, signal });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (cause) {
      throw unavailable(signal.aborted ? 'did not answer in time' : 'cannot be reached', cause);
    }
  }
}

function tokenRequest({ encoding, clientId, clientSecret, scope }: TokenEndpointSettings) {
  const members = {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    ...(scope !== undefined && { scope }),
  };
  const [contentType, body] =
    encoding === 'json'
      ? ['application/json', JSON.stringify(members)]
      : ['application/x-www-form-urlencoded', new URLSearchParams(members).toString()];
  return { headers: { 'content-type': contentType, accept: 'application/json' }, body };
}

/** Undefined for what is no JSON: the message of `JSON.parse` quotes its input, which may hold a token. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(status: number, text: string): ServiceError {
  const reason = refusalSchema.safeParse(parseJson(text)).data?.error ?? 'no reason given';
  const cause = new Error(`answered ${status}, ${reason}`);
  return unavailable(status < 500 ? 'refused our credentials' : 'failed', cause);
}

function unavailable(what: string, cause: unknown): ServiceError {
  return new ServiceError('ADMIN_UNAVAILABLE', `The token endpoint ${what}.`, { cause });
}
