import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { InlineContentHash } from './content-hash.js';

describe('InlineContentHash', () => {
  it('gives the bare hex digest of all chunks in order', async () => {
    const hash = new InlineContentHash();
    hash.update(Buffer.from('he'));
    hash.update(Buffer.from('llo'));
    expect(await hash.digest()).toBe(createHash('sha256').update('hello').digest('hex'));
  });
});
