import { Inject, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { z } from 'zod';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import {
  type EndpointAnswer,
  EndpointAnswerError,
  EndpointClient,
  type EndpointRequest,
} from '../outbound/endpoint-client.js';
import { endpointPolicy, endpointLimits, isOnTrial } from '../outbound/endpoint-policy.js';
import type { OutboundCall } from '../outbound/outbound-call.js';
import { Outbound } from '../outbound/outbound.decorator.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { tokenRequest } from './token-request.js';

/** Names the policy, its one target and its circuit. */
export const TOKEN_ENDPOINT = 'token-endpoint';

/** An access token; times are those of the monotonic clock. */
export interface IssuedToken {
  readonly value: string;
  /** When it was asked for. */
  readonly askedAtMs: number;
  /** How long it is good for, in milliseconds from then on. */
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
 * The OAuth 2.0 token endpoint, asked with our client credentials (RFC 6749 section 4.4). Private fields keep the
 * secret out of whatever prints this object.
 */
@Injectable()
export class TokenEndpoint {
  readonly #policies: OutboundPolicies;
  readonly #clock: Clock;
  readonly #request: EndpointRequest;
  readonly #client: EndpointClient | undefined;

  constructor(
    config: ConfigService<Environment, true>,
    policies: OutboundPolicies,
    @Inject(CLOCK) clock: Clock,
  ) {
    const url = config.get('SERVICE_TOKEN_URL', { infer: true });
    const whenOpen = 'The token endpoint fails, and is left alone for a while.';
    policies.register(endpointPolicy(config, 'SERVICE_TOKEN', { name: TOKEN_ENDPOINT, url, whenOpen }));
    this.#policies = policies;
    this.#clock = clock;
    this.#request = tokenRequest(config);
    if (url === undefined) return;
    this.#client = new EndpointClient(url, endpointLimits(config, 'SERVICE_TOKEN'), MAX_ANSWER_BYTES);
  }

  get isConfigured(): boolean {
    return this.#client !== undefined;
  }

  /** Did it fail, and has not yet shown that it is well again? */
  get isOnTrial(): boolean {
    return isOnTrial(this.#policies, TOKEN_ENDPOINT);
  }

  /** Asks for a token. @throws ADMIN_UNAVAILABLE when there is no usable answer. */
  @Outbound(TOKEN_ENDPOINT)
  async issue({ signal }: OutboundCall): Promise<IssuedToken> {
    const askedAtMs = this.#clock.monotonicMs();
    const answer = await this.#ask(signal);
    if (answer.statusCode !== 200) throw refused(answer);
    const { data, error } = answerSchema.safeParse(parseJson(answer.text));
    if (data) return { value: data.access_token, askedAtMs, lifeMs: data.expires_in * 1000 };
    const wrong = error.issues.map(({ path }) => path.join('.') || 'the answer').join(', ');
    throw unavailable(
      'gave an answer that is not understood',
      new EndpointAnswerError(answer, `unusable: ${wrong}`),
    );
  }

  /** Closes the connection; calls under way fail. */
  async close(): Promise<void> {
    await this.#client?.close();
  }

  async #ask(signal: AbortSignal): Promise<EndpointAnswer> {
    if (!this.#client) throw new Error('There is no token endpoint to ask');
    try {
      return await this.#client.ask(this.#request, signal);
    } catch (cause) {
      throw cause instanceof ServiceError ? cause : unavailable('did not answer', cause);
    }
  }
}

/** Undefined for what is no JSON: the message of `JSON.parse` quotes its input, which may hold a token. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(answer: EndpointAnswer): ServiceError {
  const reason = refusalSchema.safeParse(parseJson(answer.text)).data?.error ?? 'no reason given';
  const isOurFault = answer.statusCode < 500 && answer.statusCode !== 429;
  return unavailable(
    isOurFault ? 'refused our credentials' : 'failed',
    new EndpointAnswerError(answer, reason),
    answer.retryAfterMs,
  );
}

function unavailable(what: string, cause: unknown, retryAfterMs?: number): ServiceError {
  return new ServiceError('ADMIN_UNAVAILABLE', `The token endpoint ${what}.`, { cause, retryAfterMs });
}
