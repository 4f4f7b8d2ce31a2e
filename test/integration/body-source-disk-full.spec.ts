import { afterAll, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { SpoolFolder } from '../../src/body/spool-folder.service.js';
import { smallDisk } from '../support/small-disk.js';
import { bodyOn, collect, cut, writeAll } from '../support/spooled-bodies.js';

const KIB = 1024;
const never = new AbortController().signal;
const disk = smallDisk('size=1m');

disk.describe(`a body on a disk of 1 MiB${disk.whyNot}`, () => {
  const folder = new SpoolFolder({ path: disk.path, limitBytes: 0 });
  const spool = { create: () => folder.create() };

  afterAll(() => disk.unmount());

  it('goes on for the reader that keeps up, and leaves the disk empty', async () => {
    const { body, failures } = bodyOn(spool, 300 * KIB);
    const { all, chunks } = cut(Array.from({ length: 64 }, () => 64 * KIB));
    const bytes = collect(body.open(0, never));
    await writeAll(body, chunks);
    body.end();
    expect((await bytes).equals(all)).toBe(true);
    expect(failures).toMatchObject([{ code: 'ENOSPC' }]);
    expect(body.replayable).toBe(false);
    await body.dispose();
    expect(readdirSync(disk.path)).toEqual([]);
  });

  it('takes the next body as soon as there is room again', async () => {
    const { body, failures } = bodyOn(spool, 100 * KIB);
    const { all, chunks } = cut(Array.from({ length: 14 }, () => 64 * KIB));
    await writeAll(body, chunks);
    body.end();
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    expect(failures).toEqual([]);
    await body.dispose();
  });
});
