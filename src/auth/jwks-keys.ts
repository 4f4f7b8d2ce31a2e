import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { createRemoteJWKSet, customFetch, errors, type CryptoKey, type RemoteJWKSet } from 'jose';
import { KeyObject } from 'node:crypto';
import { ServiceError } from '../errors/service-error.js';
import { JwksClient } from './jwks-client.js';
import { rsaKeyProblem } from '../config/rsa-public-key.js';
import type { VerificationKeys } from './verification-keys.js';

export interface JwksSettings {
  readonly url: string;
  /** Age at which the set is fetched again. */
  readonly maxAgeMs: number;
  /** Shortest time between two fetches, whatever tokens arrive. */
  readonly cooldownMs: number;
  readonly timeoutMs: number;
}

/** While there is no set at all nobody can be served, so the endpoint is asked again sooner. */
const FIRST_SET_COOLDOWN_MS = 1_000;

/** Longest delay that a timer of Node keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The keys of a JWKS endpoint. jose fetches, checks and matches them; when to fetch is decided here, because
 * jose throws its set away when a refresh fails, and counts its cooldown from the last success only, so that
 * a broken endpoint would be asked for every unknown `kid`.
 *
 * A token without `kid` is taken when exactly one key of the set fits RS256; with several there is no
 * telling which was meant, and trying each in turn would multiply the price of a bad token.
 */
export class JwksKeys implements VerificationKeys, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(JwksKeys.name);
  private readonly client: JwksClient;
  private readonly set: RemoteJWKSet;
  private readonly keys = new WeakMap<CryptoKey, KeyObject>();
  private hasSet = false;
  private closed = false;
  private fetching?: Promise<void>;
  private fetchedAtMs = -Infinity;
  private complainedOf?: string;
  private timer?: NodeJS.Timeout;

  constructor(private readonly settings: JwksSettings) {
    this.client = new JwksClient(settings.timeoutMs);
    this.set = createRemoteJWKSet(new URL(settings.url), {
      cacheMaxAge: Infinity,
      cooldownDuration: Infinity,
      timeoutDuration: settings.timeoutMs,
      [customFetch]: this.client.fetch,
    });
  }

  /** Fetches ahead of the first token; a start does not wait for it, nor fail with it. */
  onApplicationBootstrap(): void {
    void this.refetch(FIRST_SET_COOLDOWN_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.client.close();
  }

  async keyFor(kid: string | undefined): Promise<KeyObject | undefined> {
    if (!this.hasSet) await this.fetchFirstSet();
    const key = await this.find(kid);
    if (key !== undefined) return key;
    await this.refetch(this.settings.cooldownMs);
    return this.find(kid);
  }

  private async fetchFirstSet(): Promise<void> {
    await this.refetch(Math.min(FIRST_SET_COOLDOWN_MS, this.settings.cooldownMs));
    if (this.hasSet) return;
    throw new ServiceError('ADMIN_UNAVAILABLE', 'The keys that verify tokens cannot be fetched.', {
      retryAfterMs: FIRST_SET_COOLDOWN_MS,
    });
  }

  private async find(kid: string | undefined): Promise<KeyObject | undefined> {
    try {
      return this.usable(await this.set({ alg: 'RS256', kid }));
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
    if (this.closed || performance.now() - this.fetchedAtMs < cooldownMs) return Promise.resolve();
    this.fetchedAtMs = performance.now();
    this.fetching = this.fetch().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetch(): Promise<void> {
    try {
      await this.set.reload();
      this.hasSet = true;
      this.fetchLater(this.settings.maxAgeMs);
    } catch (error) {
      if (this.closed) return;
      const kept = this.hasSet ? 'the last good set stays in use' : 'there is no set yet';
      this.logger.warn(`The JWKS cannot be fetched, ${kept}: ${String(error)}`);
      this.fetchLater(this.settings.cooldownMs);
    }
  }

  /** Keeps the set fresh without a token having to wait for it. */
  private fetchLater(delayMs: number): void {
    clearTimeout(this.timer);
    if (this.closed) return;
    this.timer = setTimeout(() => void this.refetch(0), Math.min(delayMs, MAX_TIMER_MS));
    this.timer.unref();
  }
}
