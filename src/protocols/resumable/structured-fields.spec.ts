import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { booleanField, integerField } from './structured-fields.js';

const requestWith = (value: string | undefined): IncomingMessage =>
  ({ headers: { 'upload-field': value } }) as unknown as IncomingMessage;

describe('integerField', () => {
  it.each([
    ['0', 0],
    ['10', 10],
    [' 7 ', 7],
    ['007', 7],
    ['999999999999999', 999_999_999_999_999],
    ['5;a=1;b', 5],
    ['5; a="x, y"', 5],
  ])('reads %j', (text, value) => {
    expect(integerField(requestWith(text), 'upload-field')).toBe(value);
  });

  it.each([
    undefined,
    '',
    'abc',
    '-1',
    '+1',
    '1.5',
    '1.0',
    '1e3',
    '0x10',
    '1000000000000000',
    '1, 1',
    '1 1',
    '"1"',
    '?1',
    ':AAAA:',
    '1;',
    '1;A=1',
    '1é',
    '@1',
  ])('takes %j for an absent field', (text) => {
    expect(integerField(requestWith(text), 'upload-field')).toBeUndefined();
  });
});

describe('booleanField', () => {
  it.each([
    ['?1', true],
    ['?0', false],
    [' ?1', true],
    ['?0;reason=later', false],
  ])('reads %j', (text, value) => {
    expect(booleanField(requestWith(text), 'upload-field')).toBe(value);
  });

  it.each([undefined, '', 'true', '1', '?2', '?', '??1', '?1, ?1', '?1 ?0', '"?1"', '?1x', '?T'])(
    'takes %j for an absent field',
    (text) => {
      expect(booleanField(requestWith(text), 'upload-field')).toBeUndefined();
    },
  );
});
