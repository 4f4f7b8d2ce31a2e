import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import { type EndpointAnswer, EndpointAnswerError, EndpointClient } from '../outbound/endpoint-client.js';
import { endpointPolicy, endpointLimits, isOnTrial } from '../outbound/endpoint-policy.js';
import type { OutboundCall } from '../outbound/outbound-call.js';
import { Outbound } from '../outbound/outbound.decorator.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { type KeySet, readKeySet } from './key-set.js';

/** Names the policy, its one target and its circuit. */
export const JWKS = 'jwks';

const NO_KEYS = 'The keys that verify tokens cannot be fetched.';

/** Larger than any real key set; an answer without end must not fill the memory. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const REQUEST = { method: 'GET', headers: { accept: 'application/json, application/jwk-set+json' } } as const;

/**
 * The JWKS endpoint. The set is read within the call, so that nonsense, and a set without a key that can be used, count
 * as failures of the endpoint.
 */
@Injectable()
export class JwksEndpoint {
  private readonly client: EndpointClient | undefined;

  constructor(
    config: ConfigService<Environment, true>,
    private readonly policies: OutboundPolicies,
  ) {
    const url = config.get('JWT_JWKS_URL', { infer: true });
    policies.register(endpointPolicy(config, 'JWT_JWKS', { name: JWKS, url, whenOpen: NO_KEYS }));
    if (url === undefined) return;
    this.client = new EndpointClient(url, endpointLimits(config, 'JWT_JWKS'), MAX_ANSWER_BYTES);
  }

  get isConfigured(): boolean {
    return this.client !== undefined;
  }

  /** Did it fail, and has not yet shown that it is well again? */
  get isOnTrial(): boolean {
    return isOnTrial(this.policies, JWKS);
  }

  /** Fetches the key set. @throws ADMIN_UNAVAILABLE when there is no usable answer. */
  @Outbound(JWKS)
  async fetch({ signal }: OutboundCall): Promise<KeySet> {
    const answer = await this.ask(signal);
    if (answer.statusCode !== 200)
      throw unavailable(new EndpointAnswerError(answer, 'not a key set'), answer);
    const set = readKeySet(answer.text);
    if ('refusal' in set) throw unavailable(new EndpointAnswerError(answer, `but ${set.refusal}`));
    return set;
  }

  /** Closes the connection; calls under way fail. */
  async close(): Promise<void> {
    await this.client?.close();
  }

  private async ask(signal: AbortSignal): Promise<EndpointAnswer> {
    if (!this.client) throw new Error('There is no JWKS endpoint to ask');
    try {
      return await this.client.ask(REQUEST, signal);
    } catch (cause) {
      throw cause instanceof ServiceError ? cause : unavailable(cause);
    }
  }
}

function unavailable(cause: unknown, answer?: EndpointAnswer): ServiceError {
  return new ServiceError('ADMIN_UNAVAILABLE', NO_KEYS, {
    cause,
    retryAfterMs: answer?.retryAfterMs,
  });
}
