import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { formatDigest, parseDigestField, wantedDigest } from './digest-fields.js';

const hexOf = (algorithm: string): string => createHash(algorithm).update('hello').digest('hex');
const base64Of = (algorithm: string): string => createHash(algorithm).update('hello').digest('base64');
const SHA256 = `sha-256=:${base64Of('sha256')}:`;
const SHA512 = `sha-512=:${base64Of('sha512')}:`;
const CASES: readonly (readonly [field: string, algorithms: readonly string[]])[] = [
  ['', []],
  [SHA256, ['sha256']],
  [`${SHA512} ,\t${SHA256}`, ['sha256', 'sha512']],
  [`${SHA256};q=1, sha-512=${SHA512.slice('sha-512='.length)}`, ['sha256', 'sha512']],
  [`md5=:AAAA:, unixsum=30637, sha=?0, ${SHA256}, later="x"`, ['sha256']],
  ['md5=:AAAA:', []],
  [`sha-256=:AAAA:, ${SHA256}`, ['sha256']],
];

describe('parseDigestField', () => {
  it.each(CASES)('reads %j', (field, algorithms) => {
    expect(parseDigestField('Repr-Digest', field)).toEqual(
      algorithms.map((algorithm) => ({ algorithm, hex: hexOf(algorithm) })),
    );
  });

  it.each([
    'sha-256=abc',
    'sha-256',
    'sha-256=:AAAA:',
    'sha-512=:AAAA:',
    `sha-512=:${base64Of('sha256')}:`,
    `sha-256="${base64Of('sha256')}"`,
    `sha-256=(:${base64Of('sha256')}:)`,
    `sha-256=${base64Of('sha256')}`,
    `sha-256=:${base64Of('sha256').replace('=', '')}`,
    `SHA-256=:${base64Of('sha256')}:`,
    `${SHA256},`,
    `${SHA256} ${SHA512}`,
    'md5=:é:',
  ])('refuses %j', (field) => {
    expect(() => parseDigestField('Repr-Digest', field)).toThrow(
      expect.objectContaining({
        code: 'VALIDATION_ERROR',
        options: expect.objectContaining({ fields: [expect.objectContaining({ field: 'Repr-Digest' })] }),
      }),
    );
  });
});

describe('formatDigest', () => {
  it.each([
    ['sha256', SHA256],
    ['sha512', SHA512],
  ] as const)('writes a %s that is read again', (algorithm, field) => {
    const digest = { algorithm, hex: hexOf(algorithm) };
    expect(formatDigest(digest)).toBe(field);
    expect(parseDigestField('Repr-Digest', formatDigest(digest))).toEqual([digest]);
  });
});

describe('wantedDigest', () => {
  it.each([
    ['sha-256=9, sha-512=1', 'sha256'],
    ['sha-256=1, sha-512=9', 'sha512'],
    ['sha-512=3, sha-256=3', 'sha256'],
    ['sha-512=10', 'sha512'],
    ['md5=10, sha-256=1', 'sha256'],
    ['sha-256=0, sha-512=0', undefined],
    ['md5=10', undefined],
    ['sha-256=11', undefined],
    ['sha-256=-1', undefined],
    ['sha-256=1.5', undefined],
    ['sha-256', undefined],
    ['sha-256="1"', undefined],
    ['sha-256=', undefined],
    ['', undefined],
  ])('reads %j', (field, algorithm) => {
    expect(wantedDigest(field)).toBe(algorithm);
  });
});
