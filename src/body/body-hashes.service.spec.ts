import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { BodyWriter } from './body-source.js';
import { BodyHashes } from './body-hashes.service.js';

const CONTENT = Buffer.alloc(300_000, 'hello');
const DIGEST = createHash('sha256').update(CONTENT).digest('hex');

const body: BodyWriter = {
  write: () => undefined,
  whenWritable: undefined,
  heldFrom: (position) => [CONTENT.subarray(position)],
  end: () => undefined,
  fail: () => undefined,
};

describe('BodyHashes', () => {
  const hashes = new BodyHashes();

  afterEach(() => hashes.onApplicationShutdown());

  it('makes a new thread after the old one is gone', async () => {
    const doomed = hashes.begin(body).digest();
    await hashes.onApplicationShutdown();
    await expect(doomed).rejects.toThrow('INTERNAL_ERROR');
    expect(await hashes.begin(body).digest()).toBe(DIGEST);
  });
});
