import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bodyOfBytes, describedFile } from '../../../../test/support/file-bodies.js';
import { LocalPlaces, newVersion } from './local-places.js';
import { readRecord } from './local-record.js';
import { removeVersion } from './local-removal.js';
import { LocalShards } from './local-shards.js';
import { LocalStorageElement } from './local-storage-element.js';

const ID = '550e8400-e29b-41d4-a716-446655440000';

describe('the removal of one version of a local file', () => {
  let root: string;
  let places: LocalPlaces;
  let shards: LocalShards;
  let version: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-removal-'));
    places = new LocalPlaces(root);
    shards = new LocalShards(places.files);
    const element = new LocalStorageElement('local', root);
    await element.put(
      describedFile({ fileId: ID }),
      bodyOfBytes('the newer one'),
      new AbortController().signal,
    );
    await element.close();
    ({ version } = await readRecord(places.record(ID), ID));
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  it('removes record and content, once', async () => {
    expect(await removeVersion(places, shards, version)).toBe(true);
    expect([...(await readdir(places.shard(ID))), ...(await readdir(places.incoming))]).toEqual([]);
    expect(await removeVersion(places, shards, version)).toBe(false);
  });

  it('gives a newer file back that has taken its place', async () => {
    expect(await removeVersion(places, shards, newVersion(ID))).toBe(false);
    expect((await readRecord(places.record(ID), ID)).version).toBe(version);
    expect(await readFile(places.content(version), 'utf8')).toBe('the newer one');
    expect(await readdir(places.incoming)).toEqual([]);
  });

  it('fails, and leaves the file, where there is no folder to move the record to', async () => {
    await rm(places.incoming, { recursive: true });
    await expect(removeVersion(places, shards, version)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await readRecord(places.record(ID), ID)).version).toBe(version);
  });
});
