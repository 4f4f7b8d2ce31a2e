import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ThreadedContentHash } from './hash/content-hash-threaded.js';
import { InlineContentHash } from './content-hash.js';
import { ContentHashService } from './content-hash.service.js';

const HELLO = createHash('sha256').update('hello').digest('hex');

describe('ContentHashService', () => {
  const service = new ContentHashService();

  afterEach(() => service.onApplicationShutdown());

  it('hashes a file that is known to be small on the calling thread', () => {
    expect(service.start(256 * 1024)).toBeInstanceOf(InlineContentHash);
  });

  it.each([256 * 1024 + 1, undefined])('hashes a file of %s bytes on another thread', async (bytes) => {
    const hash = service.start(bytes);
    expect(hash).toBeInstanceOf(ThreadedContentHash);
    await hash.update(Buffer.from('hello'));
    expect(await hash.digest()).toBe(HELLO);
  });

  it('makes a new thread after the old one is gone', async () => {
    const doomed = service.start();
    await service.onApplicationShutdown();
    await expect(doomed.digest()).rejects.toThrow('INTERNAL_ERROR');
    const hash = service.start();
    await hash.update(Buffer.from('hello'));
    expect(await hash.digest()).toBe(HELLO);
  });
});
