import type { VerificationKeys } from '../auth/verification-keys.js';
import type { ReadinessCheck } from './readiness-check.js';

/**
 * Is down while the source of the keys that verify tokens gives none that are good. Critical only while there are no
 * older ones: then nobody is let in.
 */
export function verificationKeysCheck(keys: Pick<VerificationKeys, 'hasKeys' | 'health'>): ReadinessCheck {
  return {
    name: 'jwt_keys',
    get critical() {
      return !keys.hasKeys;
    },
    run: () => keys.health(),
  };
}
