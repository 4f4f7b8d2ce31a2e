import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';

/** NIST SP 800-131A: shorter RSA keys are no longer good for signatures. RFC 7518, section 3.3 says the same. */
const MIN_RSA_BITS = 2048;

/** OpenSSL verifies with no longer ones. */
const MAX_RSA_BITS = 16_384;

/** Most keys that one token is tried with, since each costs a verification. */
export const MOST_KEYS_TRIED = 8;

const PEM_BEGIN = /-----BEGIN (?:(?:RSA )?PUBLIC KEY|CERTIFICATE)-----/g;
const PEM_BLOCK = /-----BEGIN ((?:RSA )?PUBLIC KEY|CERTIFICATE)-----[^-]*-----END \1-----/g;

/** Says why `key` must not verify RS256 signatures; undefined when it may. */
export function rsaKeyProblem(key: KeyObject): string | undefined {
  if (key.type !== 'public') return 'it is not a public key';
  if (key.asymmetricKeyType !== 'rsa') return 'it is not an RSA key';
  const { modulusLength: bits = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (bits < MIN_RSA_BITS) return `it has ${bits} bits, at least ${MIN_RSA_BITS} are required`;
  if (bits > MAX_RSA_BITS) return `it has ${bits} bits, at most ${MAX_RSA_BITS} can be used`;
  // With an exponent of 1 anybody can sign.
  return publicExponent < 3n ? `its exponent is ${publicExponent}, at least 3 is required` : undefined;
}

/**
 * Reads the public keys of a PEM file (SPKI, PKCS#1, certificates), each once: there are two while one takes the place
 * of the other. @throws Error that says why they must not be used.
 */
export function parseRsaPublicKeys(pem: string): readonly KeyObject[] {
  // Node would take the public half of a private key; whoever put it here should hear of it instead.
  if (pem.includes('PRIVATE KEY')) throw new Error('it holds a private key');
  const keys = distinctKeys(parse(blocksOf(pem)));
  const problem = keys.map(rsaKeyProblem).find((found) => found !== undefined);
  if (problem !== undefined) throw new Error(problem);
  if (keys.length > MOST_KEYS_TRIED) {
    throw new Error(`it holds ${keys.length} keys, at most ${MOST_KEYS_TRIED} can be used`);
  }
  return keys;
}

/** The keys in their order, those that are equal once. */
export function distinctKeys(keys: readonly KeyObject[]): readonly KeyObject[] {
  const byText = Map.groupBy(keys, (key) => key.export({ type: 'spki', format: 'der' }).toString('base64'));
  return [...byText.values()].flatMap((equal) => equal.slice(0, 1));
}

function blocksOf(pem: string): readonly string[] {
  const blocks = pem.match(PEM_BLOCK) ?? [];
  const begun = pem.match(PEM_BEGIN) ?? [];
  if (blocks.length < begun.length) throw new Error('a key in it is cut off');
  return blocks;
}

function isCertificate(block: string): boolean {
  return block.startsWith('-----BEGIN CERTIFICATE-----');
}

function parse(blocks: readonly string[]): readonly KeyObject[] {
  try {
    const certificates = blocks.filter(isCertificate).map((block) => new X509Certificate(block));
    const keys = [
      ...blocks.filter((block) => !isCertificate(block)).map((block) => createPublicKey(block)),
      ...withoutIssuers(certificates).map(({ publicKey }) => publicKey),
    ];
    if (keys.length === 0) throw new Error('there is none');
    return keys;
  } catch (cause) {
    throw new Error('it holds no PEM public key', { cause });
  }
}

/** A certificate may have its chain with it; those who issue certificates sign no tokens. */
function withoutIssuers(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return certificates.filter(
    ({ publicKey }) =>
      !certificates.some((other) => !other.publicKey.equals(publicKey) && other.verify(publicKey)),
  );
}
