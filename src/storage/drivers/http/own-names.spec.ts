import { describe, expect, it } from '@jest/globals';
import { UnsecuredJWT } from 'jose';
import { withoutOwnName } from './own-names.js';

const file = { fileId: 'a', size: 1, uploadedBy: 'ingester' };
const tokenOf = (subject: string): string => new UnsecuredJWT({ sub: subject }).encode();

describe('withoutOwnName', () => {
  it('takes our own name out, by client id or by the subject of our token', () => {
    expect(withoutOwnName(file, 'ingester')).toEqual({ fileId: 'a', size: 1 });
    expect(withoutOwnName(file, 'other', tokenOf('ingester'))).toEqual({ fileId: 'a', size: 1 });
  });

  it('leaves the name of a user', () => {
    expect(withoutOwnName(file, undefined)).toBe(file);
    expect(withoutOwnName(file, 'other', tokenOf('another'))).toBe(file);
    expect(withoutOwnName(file, 'other', 'no JWT')).toBe(file);
  });
});
