import { describe, expect, it } from '@jest/globals';
import { assert, property, string } from 'fast-check';
import { validate, version } from 'uuid';
import { uploadIdOfKey } from './upload-id-of-key.js';

describe('uploadIdOfKey', () => {
  it('gives a UUID of the version that is for hashes of our own', () => {
    assert(
      property(string(), string(), (owner, key) => {
        const id = uploadIdOfKey(owner, key);
        expect([validate(id), version(id)]).toEqual([true, 8]);
        expect(uploadIdOfKey(owner, key)).toBe(id);
      }),
    );
  });

  it('never gives two callers, or two keys, one id', () => {
    const pairs = [
      ['alice', 'key'],
      ['alice', 'Key'],
      ['bob', 'key'],
      ['alicek', 'ey'],
      ['alice","k', 'ey'],
      ['alice', ''],
      ['', 'alice'],
    ] as const;
    expect(new Set(pairs.map(([owner, key]) => uploadIdOfKey(owner, key))).size).toBe(pairs.length);
  });

  it('stays what it is, since files are stored under it', () => {
    expect(uploadIdOfKey('alice', '8e03978e-40d5-43dd-bc93-6894a57f9324')).toBe(
      'e91a37cd-49a6-852b-914e-e02b447acd0f',
    );
  });
});
