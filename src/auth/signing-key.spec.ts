import { beforeAll, describe, expect, it } from '@jest/globals';
import type { KeyObject } from 'node:crypto';
import { createTestKeys, type TestKeys } from '../../test/support/tokens.js';
import { signingKeyOf } from './signing-key.js';

describe('signingKeyOf', () => {
  let pairs: TestKeys[];
  let keys: KeyObject[];

  beforeAll(async () => {
    pairs = await Promise.all(Array.from({ length: 3 }, () => createTestKeys()));
    keys = pairs.map(({ publicKey }) => publicKey);
  });

  it('finds the key that has signed the token, wherever it stands', async () => {
    const tokens = await Promise.all(pairs.map((pair) => pair.sign()));
    expect(tokens.map((token) => keys.indexOf(signingKeyOf(token, keys) as KeyObject))).toEqual([0, 1, 2]);
  });

  it.each(['', '.', '..', 'a.b.c', 'a.b.', 'abc'])(
    'gives the first key for %j, which none has signed',
    (token) => {
      expect(signingKeyOf(token, keys)).toBe(keys[0]);
    },
  );

  it('gives the only key, and nothing where there is none', () => {
    expect(signingKeyOf('a.b.c', keys.slice(1, 2))).toBe(keys[1]);
    expect(signingKeyOf('a.b.c', [])).toBeUndefined();
  });
});
