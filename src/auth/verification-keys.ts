import type { KeyObject } from 'node:crypto';

/*
 * The port to the public keys that verify tokens.
 *
 * A driver gives only RSA keys that are safe to use, keeps the last good ones while their source is broken
 * or away, and is cheap: it is asked for every request.
 */

export interface VerificationKeys {
  /**
   * Gives the key for a token whose header names `kid`, or names none. Undefined when no key fits, or when
   * more than one does.
   * @throws ADMIN_UNAVAILABLE when there has never been a key because its source cannot be reached.
   */
  keyFor(kid: string | undefined): Promise<KeyObject | undefined>;
}

/** Token under which the driver that the configuration asks for is injected. */
export const VERIFICATION_KEYS = Symbol('VerificationKeys');
