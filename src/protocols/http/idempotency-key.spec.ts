import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { idempotencyKey } from './idempotency-key.js';

const keyIn = (value: string | undefined): string | undefined =>
  idempotencyKey({ headers: { 'idempotency-key': value } } as unknown as IncomingMessage);

describe('idempotencyKey', () => {
  it.each([
    [undefined, undefined],
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    [' "a b" ', 'a b'],
    ['"a, b; c"', 'a, b; c'],
    ['"a\\"\\\\b"', 'a"\\b'],
    ['"a";version=2', 'a'],
    ['abc/+=:_~', 'abc/+=:_~'],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ])('reads %j', (value, key) => {
    expect(keyIn(value)).toBe(key);
  });

  it.each([
    '',
    '""',
    '"a',
    'a"',
    'a b',
    'a, b',
    '"a", "b"',
    'a;b',
    'a\\b',
    '"a\\b"',
    'é',
    '"é"',
    ':YQ==: ',
    '("a")',
    `"${'x'.repeat(256)}"`,
    'x'.repeat(256),
  ])('refuses %j', (value) => {
    expect(() => keyIn(value)).toThrow('VALIDATION_ERROR');
  });
});
