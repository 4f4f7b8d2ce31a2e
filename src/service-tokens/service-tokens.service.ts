import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import { MONOTONIC_CLOCK, type MonotonicClock } from './monotonic-clock.js';
import { TokenEndpoint } from './token-endpoint.js';

/** A token in use; times are those of the monotonic clock. */
interface HeldToken {
  readonly value: string;
  readonly expiresAtMs: number;
  readonly renewAtMs: number;
}

/** An expected "no" is a value: a token endpoint that is down is reported, not thrown. */
export type ServiceTokenHealth = { readonly up: true } | { readonly up: false; readonly reason: string };

/**
 * Our own access token for the services behind us. One request for it is under way at a time, however many
 * callers wait; it is renewed in the background before it expires, so that callers wait only for the first.
 */
@Injectable()
export class ServiceTokens implements OnApplicationShutdown {
  private readonly logger = new Logger(ServiceTokens.name);
  private readonly endpoint: TokenEndpoint | undefined;
  private readonly renewBeforeMs: number;
  #held: HeldToken | undefined;
  #renewal: Promise<HeldToken> | undefined;

  constructor(
    config: ConfigService<Environment, true>,
    @Inject(MONOTONIC_CLOCK) private readonly clock: MonotonicClock,
  ) {
    this.endpoint = endpointFrom(config);
    this.renewBeforeMs = config.get('SERVICE_TOKEN_RENEW_BEFORE_MS', { infer: true });
  }

  /** The token to send, or undefined where no token endpoint is configured. @throws ADMIN_UNAVAILABLE */
  async token(): Promise<string | undefined> {
    if (!this.endpoint) return undefined;
    const held = this.#held;
    const nowMs = this.clock();
    if (!held || nowMs >= held.expiresAtMs) return (await this.#renewOnce(this.endpoint)).value;
    if (nowMs >= held.renewAtMs) this.#renewInBackground(this.endpoint, held);
    return held.value;
  }

  /**
   * Called when `rejected` was answered with 401: gives another token, asking for one unless another caller has
   * done so already. The rejected one stays in use until then, since others may accept it. @throws ADMIN_UNAVAILABLE
   */
  async renew(rejected: string): Promise<string | undefined> {
    if (!this.endpoint || (this.#held && this.#held.value !== rejected)) return this.token();
    return (await this.#renewOnce(this.endpoint)).value;
  }

  /** Up while a valid token is held or can be fetched, and where none is needed. */
  async health(): Promise<ServiceTokenHealth> {
    try {
      await this.token();
      return { up: true };
    } catch (error) {
      return {
        up: false,
        reason: error instanceof ServiceError ? error.detail : 'The token is not available.',
      };
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.endpoint?.close();
  }

  /** Joins the request under way or starts one; a failed one is forgotten, so that the next caller tries again. */
  #renewOnce(endpoint: TokenEndpoint): Promise<HeldToken> {
    this.#renewal ??= this.#fetch(endpoint).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #fetch(endpoint: TokenEndpoint): Promise<HeldToken> {
    const askedAtMs = this.clock();
    const { value, lifeMs } = await endpoint.issue();
    const expiresAtMs = askedAtMs + lifeMs;
    // A token that lives shorter than the configured window is renewed at half its life, not with every call.
    const renewAtMs = expiresAtMs - Math.min(this.renewBeforeMs, lifeMs / 2);
    this.#held = { value, expiresAtMs, renewAtMs };
    return this.#held;
  }

  #renewInBackground(endpoint: TokenEndpoint, held: HeldToken): void {
    this.#renewOnce(endpoint).catch((error: unknown) => {
      this.logger.warn(`The service token was not renewed, the one in use is kept: ${String(error)}`);
      if (this.#held !== held) return;
      // The next try comes at half of what is left, so that a dead endpoint is not asked by every caller.
      const nowMs = this.clock();
      this.#held = { ...held, renewAtMs: nowMs + (held.expiresAtMs - nowMs) / 2 };
    });
  }
}

function endpointFrom(config: ConfigService<Environment, true>): TokenEndpoint | undefined {
  const url = config.get('SERVICE_TOKEN_URL', { infer: true });
  if (url === undefined) return undefined;
  return new TokenEndpoint({
    url,
    encoding: config.get('SERVICE_TOKEN_ENCODING', { infer: true }),
    clientId: config.get('SERVICE_CLIENT_ID', { infer: true }) ?? '',
    clientSecret: config.get('SERVICE_CLIENT_SECRET', { infer: true }) ?? '',
    scope: config.get('SERVICE_TOKEN_SCOPE', { infer: true }),
    timeoutMs: config.get('SERVICE_TOKEN_TIMEOUT_MS', { infer: true }),
  });
}
