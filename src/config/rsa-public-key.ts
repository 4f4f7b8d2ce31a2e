import { createPublicKey, type KeyObject } from 'node:crypto';

/** NIST SP 800-131A: shorter RSA keys are no longer good for signatures. RFC 7518, section 3.3 says the same. */
const MIN_RSA_BITS = 2048;

/** Says why `key` must not verify RS256 signatures; undefined when it may. */
export function rsaKeyProblem(key: KeyObject): string | undefined {
  if (key.type !== 'public') return 'it is not a public key';
  if (key.asymmetricKeyType !== 'rsa') return 'it is not an RSA key';
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < MIN_RSA_BITS ? `it has ${bits} bits, at least ${MIN_RSA_BITS} are required` : undefined;
}

/** Reads a public key (SPKI, PKCS#1 or a certificate). @throws Error that says why it must not be used. */
export function parseRsaPublicKey(pem: string): KeyObject {
  // Node would take the public half of a private key; whoever put it here should hear of it instead.
  if (pem.includes('PRIVATE KEY')) throw new Error('it holds a private key');
  const key = parse(pem);
  const problem = rsaKeyProblem(key);
  if (problem !== undefined) throw new Error(problem);
  return key;
}

function parse(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new Error('it holds no PEM public key', { cause });
  }
}
