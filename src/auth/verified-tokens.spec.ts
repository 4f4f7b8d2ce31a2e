import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Caller } from './caller.js';
import { VerifiedTokens } from './verified-tokens.js';

const CALLER: Caller = {
  subject: 'alice',
  username: null,
  clientId: null,
  roles: new Set(['user']),
  scopes: new Set(),
  expiresAtMs: 1_005_000,
};

const newKey = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;

const otherKey = newKey();

function memoryWith(keys: Map<string | undefined, KeyObject>): VerifiedTokens {
  const keysFor = (kid: string | undefined): Promise<KeyObject[]> =>
    Promise.resolve([otherKey, keys.get(kid)].filter((key) => key !== undefined));
  return new VerifiedTokens({ keysFor });
}

describe('VerifiedTokens', () => {
  const key = newKey();
  const verified = { caller: CALLER, kid: 'k1', key };

  it('knows the caller of a token until it has expired', async () => {
    const tokens = memoryWith(new Map([['k1', key]]));
    tokens.remember('a.b.c', verified);
    expect(await tokens.callerOf('a.b.c', 1_004_999)).toBe(CALLER);
    expect(await tokens.callerOf('a.b.c', 1_005_000)).toBeUndefined();
    expect(await tokens.callerOf('a.b.c', 0)).toBeUndefined();
  });

  it('does not know a token that differs in its signature alone', async () => {
    const tokens = memoryWith(new Map([['k1', key]]));
    tokens.remember('a.b.c', verified);
    expect(await tokens.callerOf('a.b.d', 0)).toBeUndefined();
  });

  it.each([
    ['withdrawn', undefined],
    ['replaced under the same kid', newKey()],
  ])('forgets the tokens of a key that was %s', async (_what, present) => {
    const keys = new Map([['k1', key]]);
    const tokens = memoryWith(keys);
    tokens.remember('a.b.c', verified);
    if (present) keys.set('k1', present);
    else keys.delete('k1');
    expect(await tokens.callerOf('a.b.c', 0)).toBeUndefined();
    keys.set('k1', key);
    expect(await tokens.callerOf('a.b.c', 0)).toBeUndefined();
  });

  it('drops the token that was unused for longest, and takes no long one', async () => {
    const tokens = memoryWith(new Map([['k1', key]]));
    tokens.remember('first', verified);
    tokens.remember('second', verified);
    await tokens.callerOf('first', 0);
    for (let i = 0; i < 999; i += 1) tokens.remember(`token-${i}`, verified);
    tokens.remember('x'.repeat(5_000), verified);
    expect(await tokens.callerOf('first', 0)).toBe(CALLER);
    expect(await tokens.callerOf('second', 0)).toBeUndefined();
    expect(await tokens.callerOf('x'.repeat(5_000), 0)).toBeUndefined();
  });
});
