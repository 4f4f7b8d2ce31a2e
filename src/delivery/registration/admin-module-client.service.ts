import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { withoutEndSlashes } from '../../config/end-slashes.js';
import type { Environment } from '../../config/environment.js';
import { ServiceError } from '../../errors/service-error.js';
import {
  type EndpointAnswer,
  EndpointAnswerError,
  EndpointClient,
  type EndpointRequest,
} from '../../outbound/endpoint-client.js';
import { endpointPolicy, endpointLimits } from '../../outbound/endpoint-policy.js';
import type { OutboundCall } from '../../outbound/outbound-call.js';
import { Outbound } from '../../outbound/outbound.decorator.js';
import { OutboundPolicies } from '../../outbound/outbound-policies.service.js';
import { ServiceTokens } from '../../service-tokens/service-tokens.service.js';
import { type AdminGeneration, type Registration, registrationBody } from './registration-body.js';

/** Names the policy, its one target and its circuit. */
export const ADMIN = 'admin';

export interface RegisterCall extends OutboundCall {
  readonly registration: Registration;
  /** The service token to send; a rejected one is replaced here, for the attempts that follow. */
  token: string | undefined;
  /** Awaited before each attempt sends anything; what it throws ends the call. */
  readonly begins: () => Promise<void>;
  /** Told how an attempt that had begun failed. */
  readonly failed: (error: unknown) => void;
}

/** Larger answers are cut off; the record of one file is far smaller. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** The Admin module, which keeps the list of all files that are stored anywhere. */
@Injectable()
export class AdminModuleClient implements OnApplicationShutdown {
  readonly #generation: AdminGeneration;
  readonly #tokens: ServiceTokens;
  readonly #client: EndpointClient | undefined;
  #closing = false;

  constructor(config: ConfigService<Environment, true>, policies: OutboundPolicies, tokens: ServiceTokens) {
    const url = config.get('ADMIN_URL', { infer: true });
    const whenOpen = 'The Admin module fails, and is left alone for a while.';
    const policy = endpointPolicy(config, 'ADMIN', { name: ADMIN, url, whenOpen });
    policies.register({
      ...policy,
      // Told apart from a failure of its own: a registration that nobody was asked for costs no attempt.
      unavailable: { code: 'CIRCUIT_OPEN', detail: whenOpen },
    });
    this.#generation = config.get('ADMIN_GENERATION', { infer: true });
    this.#tokens = tokens;
    if (url === undefined) return;
    this.#client = new EndpointClient(filesUrl(url), endpointLimits(config, 'ADMIN'), MAX_ANSWER_BYTES);
  }

  /**
   * Registers a stored file. One that is registered already is as good, so that this can be repeated at any time.
   * @throws ADMIN_UNAVAILABLE when it was not registered, or nobody knows; CIRCUIT_OPEN when it was not asked;
   * SHUTTING_DOWN; what `begins` throws
   */
  @Outbound(ADMIN)
  async register(call: RegisterCall): Promise<void> {
    await call.begins();
    try {
      const answer = await this.#post(call);
      if (!isRegistered(answer)) throw refused(answer);
    } catch (error) {
      call.failed(error);
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.#closing = true;
    await this.#client?.close();
  }

  /** Once more with a new token after a 401. */
  async #post(call: RegisterCall): Promise<EndpointAnswer> {
    const rejected = call.token;
    const answer = await this.#ask(call);
    if (answer.statusCode !== 401 || rejected === undefined) return answer;
    try {
      call.token = await this.#tokens.renew(rejected);
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'SHUTTING_DOWN') throw error;
      // The token endpoint's failure is not the Admin module's, which has answered.
      return answer;
    }
    return call.token === rejected ? answer : this.#ask(call);
  }

  async #ask({ registration, token, signal }: RegisterCall): Promise<EndpointAnswer> {
    if (!this.#client) throw new Error('There is no Admin module to ask');
    try {
      const request = requestFor(registrationBody(this.#generation, registration), token);
      return await this.#client.ask(request, signal);
    } catch (cause) {
      if (this.#closing) throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.', { cause });
      // Why nobody waits for it any more is no failure of the Admin module.
      if (cause instanceof ServiceError || (signal.aborted && cause === signal.reason)) throw cause;
      throw unavailable('did not answer', cause);
    }
  }
}

function filesUrl(base: string): string {
  const url = new URL(base);
  url.pathname = `${withoutEndSlashes(url.pathname)}/api/v1/files`;
  return url.href;
}

function requestFor(body: object, token: string | undefined): EndpointRequest {
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  };
}

/** A duplicate is 409 with one generation, and 400 with a text that says so with the other. */
function isRegistered({ statusCode, text }: EndpointAnswer): boolean {
  if (statusCode === 400) return /already exists/i.test(text);
  return statusCode === 200 || statusCode === 201 || statusCode === 409;
}

function refused(answer: EndpointAnswer): ServiceError {
  const isOurFault = answer.statusCode < 500 && answer.statusCode !== 429;
  return unavailable(
    isOurFault ? 'refused the registration' : 'failed',
    new EndpointAnswerError(answer, 'the file is not registered'),
    answer.retryAfterMs,
  );
}

function unavailable(what: string, cause: unknown, retryAfterMs?: number): ServiceError {
  return new ServiceError('ADMIN_UNAVAILABLE', `The Admin module ${what}.`, { cause, retryAfterMs });
}
