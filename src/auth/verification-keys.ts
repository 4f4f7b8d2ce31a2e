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

/** NIST SP 800-131A: shorter RSA keys are no longer good for signatures. RFC 7518, section 3.3 says the same. */
const MIN_RSA_BITS = 2048;

/** Says why `key` must not verify RS256 signatures; undefined when it may. */
export function keyProblem(key: KeyObject): string | undefined {
  if (key.type !== 'public') return 'it is not a public key';
  if (key.asymmetricKeyType !== 'rsa') return 'it is not an RSA key';
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < MIN_RSA_BITS ? `it has ${bits} bits, at least ${MIN_RSA_BITS} are required` : undefined;
}
