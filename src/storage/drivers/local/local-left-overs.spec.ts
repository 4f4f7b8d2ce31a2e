import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { bodyInHand, bodyOfBytes, describedFile } from '../../../../test/support/file-bodies.js';
import { eventually } from '../../../../test/support/eventually.js';
import { removeLeftOvers } from './local-left-overs.js';
import { LocalPlaces } from './local-places.js';
import { readRecord } from './local-record.js';
import { LocalStorageElement } from './local-storage-element.js';

const never = new AbortController().signal;
const ID = '550e8400-e29b-41d4-a716-446655440000';
const OTHER = `${ID}.00000000000000ff`;

describe('what a killed process leaves in a local element', () => {
  let root: string;
  let places: LocalPlaces;
  let element: LocalStorageElement;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-left-overs-'));
    places = new LocalPlaces(root);
    element = new LocalStorageElement('local', root);
    await element.prepare();
  });

  afterEach(async () => {
    await element.close();
    await rm(root, { recursive: true, force: true });
  });

  const put = (content: string): Promise<unknown> =>
    element.put(describedFile({ fileId: ID }), bodyOfBytes(content), never);
  const versionNow = async (): Promise<string> => (await readRecord(places.record(ID), ID)).version;
  const contentNow = async (): Promise<string> => readFile(places.content(await versionNow()), 'utf8');
  const sweepLater = (): Promise<void> => removeLeftOvers(places, Date.now() + 2 * 3_600_000);
  const inShard = async (): Promise<string[]> => (await readdir(places.shard(ID))).toSorted();
  const incoming = (): Promise<string[]> => readdir(places.incoming);

  /** Stores a file and takes its record to where a kill would leave it; gives its version. */
  async function leave(name: (version: string) => string): Promise<string> {
    await put('left over');
    const version = await versionNow();
    await rename(places.record(ID), name(version));
    return version;
  }

  const killed: [when: string, leaveIt: () => Promise<unknown>][] = [
    [
      'before there is a content',
      async () => {
        const version = await leave((of) => places.draft(of));
        await truncate(places.draft(version));
        await rm(places.content(version));
      },
    ],
    [
      'while the content is written',
      async () => {
        const version = await leave((of) => places.draft(of));
        await truncate(places.draft(version));
        await truncate(places.content(version), 2);
      },
    ],
    [
      'while the record is written',
      async () => {
        const version = await leave((of) => places.draft(of));
        await truncate(places.draft(version), 10);
      },
    ],
    ['before the record has its name', () => leave((of) => places.draft(of))],
    ['behind the first step of a removal', () => leave((of) => places.aside(of))],
    [
      'behind the second step of a removal',
      async () => rm(places.content(await leave((of) => places.aside(of)))),
    ],
  ];

  it.each(killed)(
    '%s is no file, keeps none from its id, and is removed after an hour',
    async (_, leaveIt) => {
      await leaveIt();
      expect(await element.stat(ID)).toBeUndefined();
      await removeLeftOvers(places);
      expect(await incoming()).toHaveLength(1);
      await put('the new one');
      await sweepLater();
      expect(await incoming()).toEqual([]);
      expect(await inShard()).toEqual([`${await versionNow()}.content`, `${ID}.json`]);
      expect(await contentNow()).toBe('the new one');
    },
  );

  it('behind the name of the record is a whole file, of which the draft alone goes', async () => {
    await put('hello');
    await link(places.record(ID), places.draft(await versionNow()));
    await sweepLater();
    expect(await incoming()).toEqual([]);
    expect(await contentNow()).toBe('hello');
    // Nor does the draft keep the file from being removed.
    await link(places.record(ID), places.draft(await versionNow()));
    await element.remove(ID);
    expect(await element.stat(ID)).toBeUndefined();
    await sweepLater();
    expect([...(await incoming()), ...(await inShard())]).toEqual([]);
  });

  it('behind the first step of a removal goes also where its draft is left over', async () => {
    const version = await leave((of) => places.aside(of));
    await link(join(places.incoming, (await incoming())[0] ?? ''), places.draft(version));
    await sweepLater();
    expect([...(await incoming()), ...(await inShard())]).toEqual([]);
  });

  it('of a removal that took the record of a newer file is put back', async () => {
    await put('the newer one');
    await rename(places.record(ID), places.aside(OTHER));
    await sweepLater();
    expect(await incoming()).toEqual([]);
    expect(await contentNow()).toBe('the newer one');
  });

  it('of such a removal goes where a third file is in its place', async () => {
    await leave(() => places.aside(OTHER));
    await put('the third');
    await sweepLater();
    expect(await incoming()).toEqual([]);
    expect(await inShard()).toHaveLength(2);
    expect(await contentNow()).toBe('the third');
  });

  it('is told from what another process is writing, which fails where it is taken for left over', async () => {
    const { source, body } = bodyInHand();
    const slow = element.put(describedFile({ fileId: ID }), body, never);
    source.write('hello');
    await eventually(async () => expect((await inShard()).length).toBe(1));
    await removeLeftOvers(places);
    expect([await incoming(), await inShard()].map(({ length }) => length)).toEqual([1, 1]);
    await sweepLater();
    expect([...(await incoming()), ...(await inShard())]).toEqual([]);
    source.end();
    await expect(slow).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await element.stat(ID)).toBeUndefined();
    expect([...(await incoming()), ...(await inShard())]).toEqual([]);
  });

  it('is removed once, however many look at the same time', async () => {
    await leave((of) => places.draft(of));
    await Promise.all([sweepLater(), sweepLater(), sweepLater()]);
    expect([...(await incoming()), ...(await inShard())]).toEqual([]);
  });

  it('and cannot be removed is logged, and keeps nobody from storing', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    // Two deep folders, one below the other: no path that the system takes leads to the end, not even for root.
    const deep = join(...Array<string>(12).fill('x'.repeat(250)));
    const stuck = join(places.incoming, 'stuck');
    await mkdir(join(root, 'aside', deep), { recursive: true });
    await mkdir(join(stuck, deep), { recursive: true });
    await rename(join(root, 'aside'), join(stuck, deep, 'aside'));
    await writeFile(join(places.incoming, 'strange'), 'x');
    try {
      await sweepLater();
      expect(await incoming()).toEqual(['stuck']);
      expect(warn.mock.calls).toEqual([[expect.objectContaining({ name: 'stuck' }), expect.any(String)]]);
      await put('hello');
    } finally {
      warn.mockRestore();
      await rename(join(stuck, deep, 'aside'), join(root, 'aside'));
    }
    expect(existsSync(places.record(ID))).toBe(true);
  });
});
