import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { waitAskedForMs } from '../outbound/retry-after.js';
import { type IssuedToken, TOKEN_ENDPOINT, TokenEndpoint } from './token-endpoint.service.js';

/** A token in use; times are those of the monotonic clock. */
interface HeldToken {
  readonly value: string;
  readonly expiresAtMs: number;
  readonly renewAtMs: number;
}

/**
 * So long a token that replaced a rejected one is kept though it is rejected too, in milliseconds: then it is not the
 * token that is wrong, and a new one for each call would only be a load on the endpoint.
 */
const REPLACEMENT_MS = 10_000;

/** An expected "no" is a value: a token endpoint that is down is reported, not thrown. */
export type ServiceTokenHealth = { readonly up: true } | { readonly up: false; readonly reason: string };

/**
 * Our own access token for the services behind us. One request for it is under way at a time, however many
 * callers wait; it is renewed in the background before it expires, so that callers wait only for the first. While
 * the endpoint is down the token in use serves on to its end; after that callers are turned away, at once where the
 * circuit is open. How often the endpoint is tried again is decided by its outbound policy alone.
 */
@Injectable()
export class ServiceTokens implements OnApplicationShutdown {
  private readonly logger = new Logger(ServiceTokens.name);
  private readonly renewBeforeMs: number;
  private readonly closing = new AbortController();
  #held: HeldToken | undefined;
  #renewal: Promise<HeldToken> | undefined;
  /** The last token that was fetched because another one was rejected, and when. */
  #replacement: { readonly value: string; readonly atMs: number } | undefined;

  constructor(
    private readonly endpoint: TokenEndpoint,
    config: ConfigService<Environment, true>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.renewBeforeMs = config.get('SERVICE_TOKEN_RENEW_BEFORE_MS', { infer: true });
  }

  /**
   * The token to send, or undefined where no token endpoint is configured.
   * @throws ADMIN_UNAVAILABLE, SHUTTING_DOWN
   */
  async token(): Promise<string | undefined> {
    if (!this.endpoint.isConfigured) return undefined;
    const held = this.#held;
    const nowMs = this.clock.monotonicMs();
    if (!held || nowMs >= held.expiresAtMs) return (await this.#renewOnce()).value;
    if (nowMs >= held.renewAtMs) this.#renewInBackground(held);
    return held.value;
  }

  /**
   * Called when `rejected` was answered with 401 or 403: gives another token, asking for one unless another caller has
   * done so already. The rejected one stays in use until then, since others may accept it. Gives it back where it has
   * just replaced another one itself.
   * @throws ADMIN_UNAVAILABLE, SHUTTING_DOWN
   */
  async renew(rejected: string): Promise<string | undefined> {
    const isOther = this.#held !== undefined && this.#held.value !== rejected;
    if (!this.endpoint.isConfigured || isOther || this.#isNewReplacement(rejected)) return this.token();
    const { value } = await this.#renewOnce();
    this.#replacement = { value, atMs: this.clock.monotonicMs() };
    return value;
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
    this.closing.abort(new ServiceError('SHUTTING_DOWN', 'The service is shutting down.'));
    await this.endpoint.close();
  }

  #isNewReplacement(value: string): boolean {
    const replacement = this.#replacement;
    return replacement?.value === value && this.clock.monotonicMs() < replacement.atMs + REPLACEMENT_MS;
  }

  /** Joins the call under way or starts one; a failed one is forgotten, so that the next caller asks again. */
  #renewOnce(): Promise<HeldToken> {
    this.#renewal ??= this.#fetch().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #fetch(): Promise<HeldToken> {
    const { value, askedAtMs, lifeMs } = await this.#issue();
    const expiresAtMs = askedAtMs + lifeMs;
    // A token that lives shorter than the configured window is renewed at half its life, not with every call. One
    // that came by way of trial is renewed with the next: else the circuit would stay half-open until its end.
    const renewAtMs = this.endpoint.isOnTrial
      ? askedAtMs
      : expiresAtMs - Math.min(this.renewBeforeMs, lifeMs / 2);
    this.#held = { value, expiresAtMs, renewAtMs };
    return this.#held;
  }

  /** The callers' deadlines and whether they still wait play no part, since the call is for all of them. */
  async #issue(): Promise<IssuedToken> {
    try {
      return await this.endpoint.issue({ targets: [TOKEN_ENDPOINT], signal: this.closing.signal });
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'DEADLINE_EXCEEDED') throw error;
      const detail = 'The token endpoint gave no token in time.';
      throw new ServiceError('ADMIN_UNAVAILABLE', detail, { cause: error });
    }
  }

  #renewInBackground(held: HeldToken): void {
    this.#renewOnce().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'The service token was not renewed, the one in use is kept');
      if (this.#held !== held) return;
      // The next try comes at half of what is left, so that a dead endpoint is not asked by every caller, and not
      // before the endpoint may be asked again.
      const nowMs = this.clock.monotonicMs();
      const pauseMs = Math.max((held.expiresAtMs - nowMs) / 2, waitAskedForMs(error));
      this.#held = { ...held, renewAtMs: nowMs + pauseMs };
    });
  }
}
