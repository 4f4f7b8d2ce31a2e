import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { errors, type CryptoKey } from 'jose';
import { KeyObject } from 'node:crypto';
import { rsaKeyProblem } from '../config/rsa-public-key.js';
import { ServiceError } from '../errors/service-error.js';
import { waitAskedForMs } from '../resilience/retry-after.js';
import { JWKS, type JwksEndpoint, type KeySet } from './jwks-endpoint.service.js';
import type { VerificationKeys } from './verification-keys.js';

export interface JwksSettings {
  /** Age at which the set is fetched again. */
  readonly maxAgeMs: number;
  /** Shortest time between two fetches, whatever tokens arrive. */
  readonly cooldownMs: number;
}

/** While there is no set at all nobody can be served, so the endpoint is asked again sooner. */
const FIRST_SET_COOLDOWN_MS = 1_000;

/** Longest delay that a timer of Node keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The keys of a JWKS endpoint. jose reads and matches them; when to fetch is decided here, and how often a fetch is
 * tried by the outbound policy alone. jose's own remote set would throw its keys away when a refresh fails, and count
 * its cooldown from the last success only, so that a broken endpoint would be asked for every unknown `kid`.
 *
 * A token without `kid` is taken when exactly one key of the set fits RS256; with several there is no
 * telling which was meant, and trying each in turn would multiply the price of a bad token.
 */
export class JwksKeys implements VerificationKeys, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(JwksKeys.name);
  private readonly keys = new WeakMap<CryptoKey, KeyObject>();
  private readonly closing = new AbortController();
  private set?: KeySet;
  /** Why there is no newer set. */
  private failure?: unknown;
  private fetching?: Promise<void>;
  private fetchedAtMs = -Infinity;
  private complainedOf?: string;
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

  async keyFor(kid: string | undefined): Promise<KeyObject | undefined> {
    const set = this.set ?? (await this.firstSet());
    const key = await this.find(set, kid);
    if (key !== undefined) return key;
    await this.refetch(this.settings.cooldownMs);
    return this.find(this.set ?? set, kid);
  }

  private async firstSet(): Promise<KeySet> {
    const cooldownMs = Math.min(FIRST_SET_COOLDOWN_MS, this.settings.cooldownMs);
    await this.refetch(cooldownMs);
    if (this.set) return this.set;
    throw new ServiceError('ADMIN_UNAVAILABLE', 'The keys that verify tokens cannot be fetched.', {
      cause: this.failure,
      retryAfterMs: Math.max(cooldownMs, waitAskedForMs(this.failure)),
    });
  }

  private async find(set: KeySet, kid: string | undefined): Promise<KeyObject | undefined> {
    try {
      return this.usable(await set({ alg: 'RS256', kid }));
    } catch (error) {
      const isNoFit =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      if (!isNoFit) this.complain(String(error));
      return undefined;
    }
  }

  private usable(imported: CryptoKey): KeyObject | undefined {
    const key = this.keys.get(imported) ?? KeyObject.from(imported);
    this.keys.set(imported, key);
    const problem = rsaKeyProblem(key);
    if (problem !== undefined) this.complain(problem);
    return problem === undefined ? key : undefined;
  }

  /** A bad key is met with every token that names it; its fault is told once. */
  private complain(fault: string): void {
    if (fault === this.complainedOf) return;
    this.complainedOf = fault;
    this.logger.warn(`A key of the JWKS is not used: ${fault}`);
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
      this.set = await this.endpoint.fetch({ targets: [JWKS], signal: this.closing.signal });
      // What has failed is asked again soon: else its circuit would stay half-open as long as the set is good.
      this.fetchLater(this.endpoint.isOnTrial ? this.settings.cooldownMs : this.settings.maxAgeMs);
    } catch (error) {
      if (this.closing.signal.aborted) return;
      this.failure = error;
      const kept = this.set ? 'the last good set stays in use' : 'there is no set yet';
      this.logger.warn({ err: error }, `The JWKS cannot be fetched, ${kept}`);
      this.fetchLater(Math.max(this.settings.cooldownMs, waitAskedForMs(error)));
    }
  }

  /** Keeps the set fresh without a token having to wait for it. */
  private fetchLater(delayMs: number): void {
    clearTimeout(this.timer);
    if (this.closing.signal.aborted) return;
    this.timer = setTimeout(() => void this.refetch(0), Math.min(delayMs, MAX_TIMER_MS));
    this.timer.unref();
  }
}
