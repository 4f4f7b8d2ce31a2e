import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { digestsOfFile, digestsOfForm } from './request-digests.js';

const requestWith = (headers: Record<string, string | undefined>): IncomingMessage =>
  ({ headers, trailers: {} }) as unknown as IncomingMessage;

describe.each([
  ['a file', digestsOfFile],
  ['a form', digestsOfForm],
])('the digests of %s', (_, digestsOf) => {
  it.each([{}, { trailer: 'X-Other' }, { 'repr-digest': 'md5=:AAAA:' }, { 'want-repr-digest': 'md5=1' }])(
    'are nobody’s business where none is named: %j',
    (headers) => {
      expect(Object.values(digestsOf(requestWith(headers))).filter(Boolean)).toEqual([]);
    },
  );

  it.each([
    { 'want-repr-digest': 'sha-256=1' },
    { 'repr-digest': `sha-256=:${Buffer.from('ab'.repeat(32), 'hex').toString('base64')}:` },
  ])('have no SHA-256 of the file made a second time: %j', (headers) => {
    const { file } = digestsOf(requestWith(headers));
    file?.update(Buffer.from('x'));
    file?.finish({ algorithm: 'sha256', hex: 'ab'.repeat(32) });
    expect(file?.digestOf('sha256')).toBe('ab'.repeat(32));
  });
});
