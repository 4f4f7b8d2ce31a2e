import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { KeyObject } from 'node:crypto';
import { isNativeError } from 'node:util/types';
import { ServiceError } from '../errors/service-error.js';
import { EndpointAnswerError } from '../outbound/endpoint-client.js';
import { causesOf } from '../errors/error-causes.js';
import { waitAskedForMs } from '../outbound/retry-after.js';
import { JWKS, type JwksEndpoint } from './jwks-endpoint.service.js';
import type { KeySet } from './key-set.js';
import type { KeysHealth, VerificationKeys } from './verification-keys.js';
import { MAX_TIMER_MS } from '../config/timer-limit.js';

export interface JwksSettings {
  /** Age at which the set is fetched again. */
  readonly maxAgeMs: number;
  /** Shortest time between two fetches, whatever tokens arrive. */
  readonly cooldownMs: number;
}

/** While there is no set at all nobody can be served, so the endpoint is asked again sooner. */
const FIRST_SET_COOLDOWN_MS = 1_000;

/**
 * The keys of a JWKS endpoint. When to fetch is decided here, and how often a fetch is tried by the outbound policy
 * alone. jose's remote set would throw its keys away when a refresh fails, and count its cooldown from the last success
 * only, so that a broken endpoint would be asked for every unknown `kid`.
 */
export class JwksKeys implements VerificationKeys, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(JwksKeys.name);
  private readonly closing = new AbortController();
  private set?: KeySet;
  /** Why there is no newer set. */
  private failure?: unknown;
  /** What the endpoint did wrong when it was last called; a circuit that is open says nothing new. */
  private fault?: Error;
  private fetching?: Promise<void>;
  private fetchedAtMs = -Infinity;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly endpoint: JwksEndpoint,
    private readonly settings: JwksSettings,
  ) {}

  /** Fetches ahead of the first token; a start does not wait for it, nor fail with it. */
  onApplicationBootstrap(): void {
    void this.refetch(0);
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    this.closing.abort(new ServiceError('SHUTTING_DOWN', 'The service is shutting down.'));
    await this.endpoint.close();
  }

  get hasKeys(): boolean {
    return this.set !== undefined;
  }

  async keysFor(kid: string | undefined): Promise<readonly KeyObject[]> {
    const set = this.set ?? (await this.firstSet());
    const keys = set.keysFor(kid);
    if (keys.length > 0) return keys;
    await this.refetch(this.settings.cooldownMs);
    return (this.set ?? set).keysFor(kid);
  }

  async health(): Promise<KeysHealth> {
    if (!this.set) await this.refetch(this.firstSetCooldownMs);
    if (this.set && this.failure === undefined) return { up: true };
    return { up: false, reason: reasonOf(this.fault), cause: this.failure };
  }

  private get firstSetCooldownMs(): number {
    return Math.min(FIRST_SET_COOLDOWN_MS, this.settings.cooldownMs);
  }

  private async firstSet(): Promise<KeySet> {
    await this.refetch(this.firstSetCooldownMs);
    if (this.set) return this.set;
    throw new ServiceError('ADMIN_UNAVAILABLE', 'The keys that verify tokens cannot be fetched.', {
      cause: this.failure,
      retryAfterMs: Math.max(this.firstSetCooldownMs, waitAskedForMs(this.failure)),
    });
  }

  /** Joins the fetch in flight, or starts one unless the last one was less than `cooldownMs` ago. */
  private refetch(cooldownMs: number): Promise<void> {
    if (this.fetching !== undefined) return this.fetching;
    if (this.closing.signal.aborted || performance.now() - this.fetchedAtMs < cooldownMs)
      return Promise.resolve();
    this.fetchedAtMs = performance.now();
    this.fetching = this.fetch().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetch(): Promise<void> {
    try {
      this.take(await this.endpoint.fetch({ targets: [JWKS], signal: this.closing.signal }));
      // What has failed is asked again soon: else its circuit would stay half-open as long as the set is good.
      this.fetchLater(this.endpoint.isOnTrial ? this.settings.cooldownMs : this.settings.maxAgeMs);
    } catch (error) {
      if (this.closing.signal.aborted) return;
      this.complain(error);
      this.fetchLater(Math.max(this.settings.cooldownMs, waitAskedForMs(error)));
    }
  }

  private take(set: KeySet): void {
    const isNews = set.faults !== undefined && set.faults !== this.set?.faults;
    if (isNews) this.logger.warn(`Keys of the JWKS are not used: ${set.faults}`);
    if (this.fault !== undefined) this.logger.log('The JWKS is good again');
    this.set = set;
    this.failure = undefined;
    this.fault = undefined;
  }

  /** An endpoint that fails is asked again and again; each thing that is wrong with it is told once. */
  private complain(failure: unknown): void {
    this.failure = failure;
    const fault = faultOf(failure);
    if (fault === undefined || fault.message === this.fault?.message) return;
    this.fault = fault;
    const kept = this.set ? 'the last good set stays in use' : 'there is no set yet';
    this.logger.warn({ err: failure }, `The JWKS cannot be used, ${kept}`);
  }

  /** Keeps the set fresh without a token having to wait for it. */
  private fetchLater(delayMs: number): void {
    clearTimeout(this.timer);
    if (this.closing.signal.aborted) return;
    this.timer = setTimeout(() => void this.refetch(0), Math.min(delayMs, MAX_TIMER_MS));
    this.timer.unref();
  }
}

/** What was behind it, beneath our own errors. */
function faultOf(failure: unknown): Error | undefined {
  return causesOf(failure)
    .filter((cause) => isNativeError(cause))
    .find((cause) => !(cause instanceof ServiceError));
}

/** What an error of the network says may name hosts. */
function reasonOf(fault: Error | undefined): string {
  return fault instanceof EndpointAnswerError
    ? `the JWKS endpoint ${fault.message}`
    : 'the JWKS cannot be fetched';
}
