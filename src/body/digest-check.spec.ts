import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Digest, DigestCheck } from './digest-check.js';

const digest = (algorithm: 'sha256' | 'sha512', text: string): Digest => ({
  algorithm,
  hex: createHash(algorithm).update(text).digest('hex'),
});

/** Declared behind the bytes: before them nobody may ask. */
function checkOf(declared: readonly Digest[], make: readonly ('sha256' | 'sha512')[]): DigestCheck {
  let shown = 0;
  const check = new DigestCheck({
    make,
    declared: () => {
      if (shown < 2) throw new Error('asked too early');
      return declared;
    },
  });
  for (const chunk of ['hel', 'lo']) {
    check.update(Buffer.from(chunk));
    shown += 1;
  }
  return check;
}

describe('DigestCheck', () => {
  it('finds the bytes good that are the declared ones', () => {
    const check = checkOf([digest('sha256', 'hello'), digest('sha512', 'hello')], ['sha256', 'sha512']);
    check.finish();
    expect(check.digestOf('sha512')).toBe(digest('sha512', 'hello').hex);
  });

  it.each(['sha256', 'sha512'] as const)('refuses others by their %s alone', (algorithm) => {
    const declared = (['sha256', 'sha512'] as const).map((each) =>
      digest(each, each === algorithm ? 'other' : 'hello'),
    );
    expect(() => checkOf(declared, ['sha256', 'sha512']).finish()).toThrow('DIGEST_MISMATCH');
  });

  it('goes by a digest that others have made', () => {
    expect(() => checkOf([digest('sha256', 'hello')], []).finish(digest('sha256', 'hello'))).not.toThrow();
    expect(() => checkOf([digest('sha256', 'hello')], []).finish(digest('sha256', 'x'))).toThrow(
      'DIGEST_MISMATCH',
    );
  });

  it('never takes what nobody has made for good', () => {
    expect(() => checkOf([digest('sha512', 'hello')], ['sha256']).finish()).toThrow('not known');
  });
});
