import { beforeAll, describe, expect, it } from '@jest/globals';
import type { KeyObject } from 'node:crypto';
import { createTestKeys, type TestKeys } from '../../test/support/tokens.js';
import { type KeySet, readKeySet } from './key-set.js';

describe('readKeySet', () => {
  let first: TestKeys;
  let second: TestKeys;

  beforeAll(async () => {
    [first, second] = await Promise.all([createTestKeys(), createTestKeys()]);
  });

  function read(...keys: unknown[]): KeySet {
    const set = readKeySet(JSON.stringify({ keys }));
    if ('refusal' in set) throw new Error(set.refusal);
    return set;
  }

  function owners(keys: readonly KeyObject[]): (TestKeys | undefined)[] {
    return keys.map((key) => [first, second].find(({ publicKey }) => publicKey.equals(key)));
  }

  it('gives the keys of a kid, equal ones once, however they are written', () => {
    const { n } = first.jwk();
    const padded = Buffer.concat([Buffer.alloc(2), Buffer.from(String(n), 'base64url')]).toString('base64');
    const set = read(
      first.jwk({ kid: 'a' }),
      first.jwk({ kid: 'a', alg: undefined, n: padded }),
      second.jwk({ kid: 'a' }),
      first.jwk({ kid: 'b' }),
    );
    expect(owners(set.keysFor('a'))).toEqual([first, second]);
    expect(owners(set.keysFor('b'))).toEqual([first]);
    expect(set.keysFor('A')).toEqual([]);
    expect(set.faults).toBeUndefined();
  });

  it('gives every key for a token that names none', () => {
    const set = read(first.jwk({ kid: 'a' }), second.jwk(), first.jwk());
    expect(owners(set.keysFor(undefined))).toEqual([first, second]);
  });

  it('takes members that it does not know, and null for what is not set', () => {
    const set = read(
      first.jwk({ kid: null, use: null, alg: null, key_ops: null, x5c: 7, ext: 'x', foo: {} }),
    );
    expect(owners(set.keysFor(undefined))).toEqual([first]);
  });

  it('ignores keys that are for others, and says nothing of them', () => {
    const set = read(
      null,
      'key',
      ['key'],
      {},
      { kty: 'EC', crv: 'P-256' },
      { kty: 'oct', k: 'c2VjcmV0', kid: 'a' },
      { kty: 'PQC', kid: 'a' },
      first.jwk({ kid: 'a', use: 'enc' }),
      first.jwk({ kid: 'a', alg: 'RS512' }),
      first.jwk({ kid: 'a', key_ops: ['sign'] }),
      first.jwk({ kid: 'a', key_ops: 'verify' }),
      second.jwk({ kid: 'a', key_ops: ['verify'] }),
    );
    expect(owners(set.keysFor('a'))).toEqual([second]);
    expect(set.faults).toBeUndefined();
  });

  it('ignores keys that are not good, and says why', async () => {
    const weak = await createTestKeys(1024);
    const set = read(
      first.jwk({ kid: 7 }),
      first.jwk({ n: undefined }),
      first.jwk({ e: 'AQ' }),
      weak.jwk(),
      { ...first.privateKey.export({ format: 'jwk' }), kid: 'a' },
      first.jwk({ n: 'AQAB' }),
      second.jwk({ kid: 'a' }),
    );
    expect(owners(set.keysFor(undefined))).toEqual([second]);
    expect(set.faults).toBe(
      [
        'keys[0]: its kid is not a string',
        'keys[1]: its n or e is missing or broken',
        'keys[2]: its exponent is 1, at least 3 is required',
        'keys[3]: it has 1024 bits, at least 2048 are required',
        'keys[4]: it is a private key',
        'and 1 more',
      ].join('; '),
    );
  });

  it('tries no more than eight keys of a kid, and says so', async () => {
    const pairs = await Promise.all(Array.from({ length: 9 }, () => createTestKeys()));
    const set = read(...pairs.map((pair) => pair.jwk({ kid: 'a' })));
    expect(set.keysFor('a')).toHaveLength(8);
    expect(set.keysFor(undefined)).toHaveLength(8);
    expect(set.faults).toBe('of 9 keys with the same kid, 8 are tried');
  });

  it.each([
    ['secret', 'it is not JSON'],
    ['', 'it is not JSON'],
    ['null', 'it has no list "keys"'],
    ['[]', 'it has no list "keys"'],
    ['{"jwks_uri":"https://login.example/keys"}', 'it has no list "keys"'],
    ['{"keys":{}}', 'it has no list "keys"'],
    ['{"keys":[]}', 'its list "keys" is empty'],
    [`{"keys":[${'0,'.repeat(200)}0]}`, 'its list "keys" has more than 200 members'],
    ['{"keys":[{"kty":"EC"}]}', 'no key of it can be used: keys[0]: its kty is not RSA'],
    ['{"keys":[{"kty":"RSA"}]}', 'no key of it can be used: keys[0]: its n or e is missing or broken'],
  ])('refuses %j', (text, refusal) => {
    expect(readKeySet(text)).toEqual({ refusal });
  });
});
