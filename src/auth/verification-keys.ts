import type { KeyObject } from 'node:crypto';

/*
 * The port to the public keys that verify tokens.
 *
 * A driver gives only RSA keys that are safe to use, keeps the last good ones while their source is broken
 * or away, and is cheap: it is asked for every request.
 */

/** An expected "no" is a value. */
export type KeysHealth =
  | { readonly up: true }
  | {
      readonly up: false;
      /** Names no host, and quotes nothing of the source. */
      readonly reason: string;
      readonly cause: unknown;
    };

export interface VerificationKeys {
  /** Whether there are keys now, be they old. */
  readonly hasKeys: boolean;
  /**
   * Gives the keys that may have signed a token whose header names `kid`, or names none: no two equal ones, few enough
   * to try each, and none when no key fits.
   * @throws ADMIN_UNAVAILABLE when there have never been keys because their source gives none.
   */
  keysFor(kid: string | undefined): Promise<readonly KeyObject[]>;
  /** Says whether the source gave good keys when it was last looked at. */
  health(): Promise<KeysHealth>;
}

/** Token under which the driver that the configuration asks for is injected. */
export const VERIFICATION_KEYS = Symbol('VerificationKeys');
