import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FolderSyncs } from './durable-folder.js';

describe('syncs of a folder', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'folder-syncs-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are shared by those that come while one is under way, and never with that one', async () => {
    const syncs = new FolderSyncs(folder);
    const first = syncs.sync();
    expect(syncs.sync()).toBe(first);
    let second = first;
    // Until the first one has begun.
    while (second === first) {
      await setImmediate();
      second = syncs.sync();
    }
    expect(syncs.sync()).toBe(second);
    await Promise.all([first, second]);
    expect(syncs.sync()).not.toBe(second);
  });

  it('fail for those that share one, and go on with the next', async () => {
    const syncs = new FolderSyncs(folder);
    await rm(folder, { recursive: true });
    const [first, second] = [syncs.sync(), syncs.sync()];
    await expect(first).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(second).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(syncs.sync()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
