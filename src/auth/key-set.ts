import { createPublicKey, type KeyObject } from 'node:crypto';
import { distinctKeys, MOST_KEYS_TRIED, rsaKeyProblem } from '../config/rsa-public-key.js';
import { isJsonObject, type JsonObject } from './json-object.js';

/** Most members that a set may have: each costs some 0.1 ms in which nothing else is done. */
const MOST_MEMBERS = 200;

/** Most keys of a set that one message names. */
const MOST_NAMED = 5;

/** The keys of a JWK Set (RFC 7517) that can verify RS256 signatures. */
export interface KeySet {
  /** Why keys that were meant for us are not used; undefined when there are none of them. */
  readonly faults: string | undefined;
  /**
   * The keys that may have signed a token whose header names `kid`. Where it names none, that may be any of the set.
   * Equal keys are there once, and no more of them than may be tried.
   */
  keysFor(kid: string | undefined): readonly KeyObject[];
}

interface UsableKey {
  readonly kid: string | undefined;
  readonly key: KeyObject;
}

interface UnusedKey {
  readonly problem: string;
  /** Whether the key was meant for us, so that tokens will come that only it could verify. */
  readonly isFault: boolean;
}

/**
 * Reads a JWK Set. By section 5 of RFC 7517, keys are ignored that are not understood, that lack a member, or whose
 * members are out of range; and so are members that we do not know. A refusal says why no token can be verified with
 * the set, and quotes nothing of it.
 */
export function readKeySet(text: string): KeySet | { readonly refusal: string } {
  const set = parseJson(text);
  if (set === undefined) return { refusal: 'it is not JSON' };
  if (!isJsonObject(set) || !Array.isArray(set.keys)) return { refusal: 'it has no list "keys"' };
  if (set.keys.length === 0) return { refusal: 'its list "keys" is empty' };
  if (set.keys.length > MOST_MEMBERS)
    return { refusal: `its list "keys" has more than ${MOST_MEMBERS} members` };
  return keySetOf(set.keys.map(readKey));
}

function keySetOf(members: readonly (UsableKey | UnusedKey)[]): KeySet | { readonly refusal: string } {
  const usable = members.filter((member) => 'key' in member);
  const unused = members.flatMap((member, index) =>
    'key' in member ? [] : { ...member, problem: `keys[${index}]: ${member.problem}` },
  );
  if (usable.length === 0) return { refusal: `no key of it can be used: ${listed(unused)}` };
  const byKid = keysByKid(usable);
  const faults = [...unused.filter(({ isFault }) => isFault), ...crowdedKids(byKid)];
  return {
    faults: faults.length > 0 ? listed(faults) : undefined,
    keysFor: (kid) => byKid.get(kid)?.slice(0, MOST_KEYS_TRIED) ?? [],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readKey(member: unknown): UsableKey | UnusedKey {
  if (!isJsonObject(member)) return { problem: 'it is not an object', isFault: false };
  const purpose = otherPurposeOf(member);
  if (purpose !== undefined) return { problem: purpose, isFault: false };
  const kid = member.kid ?? undefined;
  if (kid !== undefined && typeof kid !== 'string') return fault('its kid is not a string');
  if (Object.hasOwn(member, 'd')) return fault('it is a private key');
  const key = importKey(member);
  if (key === undefined) return fault('its n or e is missing or broken');
  const problem = rsaKeyProblem(key);
  return problem === undefined ? { kid, key } : fault(problem);
}

function fault(problem: string): UnusedKey {
  return { problem, isFault: true };
}

/** Serializers write `null` for a member that is not set. */
function otherPurposeOf({ kty, use, alg, key_ops: keyOps }: JsonObject): string | undefined {
  if (kty !== 'RSA') return 'its kty is not RSA';
  if ((use ?? 'sig') !== 'sig') return 'its use is not sig';
  if ((alg ?? 'RS256') !== 'RS256') return 'its alg is not RS256';
  const operations = keyOps ?? ['verify'];
  const verifies = Array.isArray(operations) && operations.includes('verify');
  return verifies ? undefined : 'its key_ops do not allow verify';
}

function importKey({ n, e }: JsonObject): KeyObject | undefined {
  if (typeof n !== 'string' || typeof e !== 'string') return undefined;
  try {
    return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** With all keys under undefined, for tokens that name none. */
function keysByKid(usable: readonly UsableKey[]): ReadonlyMap<string | undefined, readonly KeyObject[]> {
  const groups = Map.groupBy(usable, ({ kid }) => kid);
  groups.set(undefined, [...usable]);
  return new Map([...groups].map(([kid, group]) => [kid, distinctKeys(group.map(({ key }) => key))]));
}

function crowdedKids(byKid: ReadonlyMap<string | undefined, readonly KeyObject[]>): UnusedKey[] {
  const crowded = [...byKid].filter(([kid, keys]) => kid !== undefined && keys.length > MOST_KEYS_TRIED);
  return crowded.map(([, { length }]) =>
    fault(`of ${length} keys with the same kid, ${MOST_KEYS_TRIED} are tried`),
  );
}

function listed(problems: readonly UnusedKey[]): string {
  const named = problems.slice(0, MOST_NAMED).map(({ problem }) => problem);
  const more = problems.length - named.length;
  return named.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
