import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AcceptedIndex, fileName } from './accepted-index.js';

describe('the index of accepted files', () => {
  const uploadId = randomUUID();
  let folder: string;
  let index: AcceptedIndex;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'accepted-index-'));
    index = new AcceptedIndex(folder);
  });

  afterEach(() => rm(folder, { recursive: true }));

  const leave = (id: string): Promise<void> => writeFile(join(folder, fileName(id)), 'abc');

  it('keeps what is put in while the folder is read', async () => {
    const refreshing = index.refresh();
    index.add({ uploadId, bytes: 3, identity: 'one', acceptedAtMs: 1000 });
    await refreshing;
    expect(index.usage(1500)).toEqual({ bytes: 3, files: 1, oldestAgeMs: 500 });
    await index.refresh();
    expect(index.usage(1500)).toEqual({ bytes: 0, files: 0, oldestAgeMs: 0 });
  });

  it('leaves out what is taken out while the folder is read', async () => {
    await leave(uploadId);
    const refreshing = index.refresh();
    index.drop(uploadId);
    await refreshing;
    expect(index.usage(0).files).toBe(0);
  });

  it('reads the folder once for all who ask meanwhile', async () => {
    await leave(uploadId);
    expect(index.refresh()).toBe(index.refresh());
    await index.refresh();
    expect(index.usage(Date.now())).toMatchObject({ bytes: 3, files: 1 });
  });

  it('counts a file once, however often it is put in', () => {
    for (const bytes of [3, 5]) index.add({ uploadId, bytes, identity: 'one', acceptedAtMs: 1000 });
    expect(index.usage(1000)).toEqual({ bytes: 5, files: 1, oldestAgeMs: 0 });
    index.drop(uploadId);
    index.drop(uploadId);
    expect(index.usage(1000)).toEqual({ bytes: 0, files: 0, oldestAgeMs: 0 });
  });
});
