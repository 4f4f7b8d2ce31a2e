import { type BareItem, type Dictionary, parseDictionary } from 'structured-headers';
import type { Digest, DigestAlgorithm } from '../../body/digest-check.js';
import { invalidHeader } from './invalid-header.js';

/** Algorithms of RFC 9530 that are not deprecated, the one that costs least first. */
const ALGORITHMS: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
]);
const BYTES: Readonly<Record<DigestAlgorithm, number>> = { sha256: 32, sha512: 64 };

/**
 * The digests that a `Content-Digest` or `Repr-Digest` declares (RFC 9530 section 2 and 3). Unknown and deprecated algorithms are
 * passed over; what cannot be read is refused, since a client that wants a check must not go without.
 * @throws VALIDATION_ERROR
 */
export function parseDigestField(name: string, value: string): Digest[] {
  const dictionary = readDictionary(value);
  if (!dictionary) throw invalidHeader(name, 'must be a dictionary of digests as `sha-256=:<base64>:`');
  return [...ALGORITHMS].flatMap(([key, algorithm]): Digest[] => {
    const member = dictionary.get(key);
    if (!member) return [];
    const [bytes] = member;
    if (bytes instanceof ArrayBuffer && bytes.byteLength === BYTES[algorithm])
      return [{ algorithm, hex: Buffer.from(bytes).toString('hex') }];
    throw invalidHeader(name, `must hold ${BYTES[algorithm]} bytes as \`${key}=:<base64>:\``);
  });
}

/**
 * The algorithm that a `Want-Repr-Digest` prefers (RFC 9530 section 4); of equal ones, that which costs least. Undefined where
 * none of ours is wanted, or the field cannot be read: nobody is refused for a preference.
 */
export function wantedDigest(value: string): DigestAlgorithm | undefined {
  const dictionary = readDictionary(value);
  const weights = [...ALGORITHMS].map(([key, algorithm]) => {
    return { algorithm, weight: weightOf(dictionary?.get(key)?.[0]) };
  });
  const [first] = weights.toSorted((one, other) => other.weight - one.weight);
  return first && first.weight > 0 ? first.algorithm : undefined;
}

/** Does a `Want-Repr-Digest` want a digest of this algorithm, though it may want another one more? */
export function wantsDigest(value: string, algorithm: DigestAlgorithm): boolean {
  const dictionary = readDictionary(value);
  return [...ALGORITHMS].some(([key, each]) => each === algorithm && weightOf(dictionary?.get(key)?.[0]) > 0);
}

/** `sha-256=:<base64>:` */
export function formatDigest({ algorithm, hex }: Digest): string {
  const key = [...ALGORITHMS].find(([, known]) => known === algorithm)?.[0] ?? '';
  return `${key}=:${Buffer.from(hex, 'hex').toString('base64')}:`;
}

function readDictionary(value: string): Dictionary | undefined {
  try {
    return parseDictionary(value);
  } catch {
    return undefined;
  }
}

/** 0 is "not wanted", 10 the most. */
function weightOf(item: BareItem | readonly unknown[] | undefined): number {
  const isWeight = typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 10;
  return isWeight ? item : 0;
}
