import type { Socket } from 'node:net';
import { expect, it } from '@jest/globals';
import { clientAddress } from './client-address.js';

const from = (ip: string | undefined, remoteAddress = '192.0.2.1'): string | undefined =>
  clientAddress({ ip, socket: { remoteAddress } as Socket });

it.each(['203.0.113.7', '2001:db8::1'])('is the address that the proxies give: %s', (ip) => {
  expect(from(ip)).toBe(ip);
});

it('is without the prefix of a socket for both families', () => {
  expect(from('::ffff:203.0.113.7')).toBe('203.0.113.7');
});

it.each(['', 'unknown', '203.0.113.7:5000', '"\\n{}', 'x'.repeat(5_000), undefined])(
  'is the one of the connection where they give none: %j',
  (ip) => {
    expect(from(ip, '::ffff:192.0.2.1')).toBe('192.0.2.1');
  },
);
