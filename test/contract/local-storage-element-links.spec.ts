import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeSpoolLeftOvers } from '../../src/body/spool-left-overs.js';
import { removeLeftOvers } from '../../src/storage/drivers/local/local-left-overs.js';
import { LocalPlaces } from '../../src/storage/drivers/local/local-places.js';
import { readRecord } from '../../src/storage/drivers/local/local-record.js';
import { LocalStorageElement } from '../../src/storage/drivers/local/local-storage-element.js';
import { OutgoingBody } from '../../src/storage/outgoing-body.js';
import type { FileBody } from '../../src/storage/storage-element.js';
import { digestOf, TestSpool } from '../support/accepted.js';
import { eventually } from '../support/eventually.js';
import { bodyOfBytes, describedFile, MIB } from '../support/file-bodies.js';
import { LinkableBodies } from '../support/linkable-bodies.js';
import { smallDisk } from '../support/small-disk.js';

const never = new AbortController().signal;
const ID = '550e8400-e29b-41d4-a716-446655440000';
const BYTES = randomBytes(3 * MIB);
const HOUR_MS = 3_600_000;

let root: string;
let spool: string;
let places: LocalPlaces;
let element: LocalStorageElement;
let bodies: LinkableBodies;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'local-links-'));
  spool = join(root, 'spool');
  await mkdir(spool);
  places = new LocalPlaces(join(root, 'one'));
  element = new LocalStorageElement('one', join(root, 'one'));
  bodies = new LinkableBodies(spool);
});

afterEach(async () => {
  await element.close();
  await bodies.dispose();
  await rm(root, { recursive: true });
});

const put = (body: FileBody, at = element): Promise<unknown> =>
  at.put(describedFile({ fileId: ID }), body, never);

const contentPath = async (of = places): Promise<string> =>
  of.content((await readRecord(of.record(ID), ID)).version);

const inodeOf = async (path: string): Promise<number> => (await stat(path)).ino;

const spoolInodes = (): number[] => readdirSync(spool).map((name) => statSync(join(spool, name)).ino);

/** All that the element has of the file. */
async function parts({ files, incoming }: LocalPlaces = places): Promise<string[]> {
  const stored = await readdir(files, { recursive: true });
  return [...(await readdir(incoming)), ...stored.filter((name) => name.includes(ID))];
}

/** A body that has all of its bytes, and not its end. */
function begunBody(of = bodies): ReturnType<LinkableBodies['inHand']> {
  const inHand = of.inHand(BYTES.length);
  inHand.source.write(BYTES);
  return inHand;
}

function wholeBody(of = bodies): ReturnType<LinkableBodies['inHand']> {
  const inHand = begunBody(of);
  inHand.source.end();
  return inHand;
}

describe('a local element that links what is in the spool', () => {
  it('stores the very file, which stays when the body is gone', async () => {
    const { body, spooled } = wholeBody();
    await put(body);
    expect(spoolInodes()).toEqual([await inodeOf(await contentPath())]);
    await spooled.dispose();
    expect(await readdir(spool)).toEqual([]);
    const { nlink, mode } = await stat(await contentPath());
    expect([nlink, mode & 0o777]).toEqual([1, 0o600]);
    expect((await readFile(await contentPath())).equals(BYTES)).toBe(true);
    expect(await element.stat(ID)).toMatchObject(digestOf(BYTES));
  });

  it('leaves the body for another element, and for the spool, where its record cannot be stored', async () => {
    const { source, body, spooled } = begunBody();
    const failing = put(body);
    await eventually(async () => expect(await parts()).toHaveLength(2));
    // What a killed process leaves between link and record is just this.
    await removeLeftOvers(places);
    expect(await parts()).toHaveLength(2);
    await removeLeftOvers(places, Date.now() + 2 * HOUR_MS);
    expect(await parts()).toEqual([]);
    source.end();
    await expect(failing).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await parts()).toEqual([]);
    const other = new LocalStorageElement('other', join(root, 'other'));
    await put(body, other);
    await other.close();
    await spooled.persist(join(root, 'kept.upload'));
    await spooled.dispose();
    const content = await contentPath(new LocalPlaces(join(root, 'other')));
    for (const path of [content, join(root, 'kept.upload')]) {
      expect((await readFile(path)).equals(BYTES)).toBe(true);
    }
  });

  it('keeps its file when the spool of a killed process is swept', async () => {
    await put(wholeBody().body);
    const long = new Date(Date.now() - 2 * HOUR_MS);
    for (const name of await readdir(spool)) await utimes(join(spool, name), long, long);
    expect(await removeSpoolLeftOvers(spool)).toBe(1);
    expect((await readFile(await contentPath())).equals(BYTES)).toBe(true);
  });

  it('refuses an id that is taken, and keeps what is there', async () => {
    await put(bodyOfBytes('the first'));
    await expect(put(wholeBody().body)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await parts()).toHaveLength(2);
    expect(await readFile(await contentPath(), 'utf8')).toBe('the first');
  });

  it('copies what does not come to be whole in its file', async () => {
    const linkTo: FileBody['linkTo'] = async (path, signal) => {
      const linked = await begunBody().body.linkTo?.(path, signal);
      return linked && { ...linked, whenWhole: () => Promise.resolve(false) };
    };
    await put({ ...bodyOfBytes(BYTES), linkTo });
    expect(spoolInodes()).not.toContain(await inodeOf(await contentPath()));
    expect((await readFile(await contentPath())).equals(BYTES)).toBe(true);
  });

  it.each([
    ['ENOSPC', 'STORAGE_FULL'],
    ['EIO', 'STORAGE_FAILED'],
  ])('fails with %s of the disk as %s, and leaves nothing', async (code, expected) => {
    const { body } = wholeBody();
    const linkTo: FileBody['linkTo'] = async (path, signal) => {
      const linked = await body.linkTo?.(path, signal);
      const sync = (): Promise<void> => Promise.reject(Object.assign(new Error(code), { code }));
      return linked && { ...linked, sync };
    };
    await expect(put({ ...bodyOfBytes(BYTES), linkTo, digest: () => body.digest() })).rejects.toMatchObject({
      code: expected,
    });
    expect(await parts()).toEqual([]);
  });
});

describe('a local element that is sent an accepted file', () => {
  let accepted: TestSpool;
  let name: string;

  beforeEach(async () => {
    accepted = TestSpool.at(spool);
    name = await accepted.accept(BYTES);
  });

  it('has the very file, compared with what was promised, and counts it once', async () => {
    const told: string[] = [];
    const file = await accepted.files.open(name, digestOf(BYTES), {
      mayFinish: () => void told.push('may finish'),
      finished: () => void told.push('finished'),
    });
    let counted = 0;
    const sent = new OutgoingBody(file, never, (bytes) => (counted += bytes));
    const inode = await inodeOf(accepted.pathOf(name));
    expect(await put(sent)).toMatchObject(digestOf(BYTES));
    sent.close();
    expect([file.handedOver, file.bytesTaken, counted]).toEqual([true, BYTES.length, BYTES.length]);
    expect(told).toEqual(['may finish', 'finished', 'finished']);
    expect(await inodeOf(await contentPath())).toBe(inode);
    await accepted.files.remove(name);
    expect((await readFile(await contentPath())).equals(BYTES)).toBe(true);
  });

  it('has nothing of one that was damaged, or must not be finished', async () => {
    const lost = new Error('another replica has it');
    const mayFinish = (): never => {
      throw lost;
    };
    const forbidden = await accepted.files.open(name, digestOf(BYTES), { mayFinish });
    await expect(put(new OutgoingBody(forbidden, never, () => undefined))).rejects.toBe(lost);
    const handle = await open(accepted.pathOf(name), 'r+');
    await handle.write(Buffer.from([(BYTES[MIB] ?? 0) ^ 1]), 0, 1, MIB);
    await handle.close();
    const damaged = await accepted.files.open(name, digestOf(BYTES));
    const putting = put(new OutgoingBody(damaged, never, () => undefined));
    await expect(putting).rejects.toMatchObject({ reason: 'spool_damaged' });
    expect(await parts()).toEqual([]);
    expect(await accepted.files.has(name)).toBe(true);
  });
});

const disk = smallDisk('size=16m');

disk.describe(`a local element on another file system than the spool${disk.whyNot}`, () => {
  let far: LocalStorageElement;
  const farPlaces = new LocalPlaces(disk.path);

  beforeEach(() => {
    far = new LocalStorageElement('far', disk.path);
  });

  afterEach(async () => {
    await far.close();
    for (const entry of await readdir(disk.path)) await rm(join(disk.path, entry), { recursive: true });
  });

  afterAll(() => disk.unmount());

  it('copies, while the bytes come', async () => {
    const readable = new LinkableBodies(spool, true);
    const { source, body } = begunBody(readable);
    const putting = put(body, far);
    await eventually(async () => {
      const content = (await parts(farPlaces)).find((path) => path.endsWith('.content')) ?? '';
      expect((await stat(join(farPlaces.files, content))).size).toBe(BYTES.length);
    });
    source.end();
    await putting;
    expect((await readFile(await contentPath(farPlaces))).equals(BYTES)).toBe(true);
    await readable.dispose();
  });

  it('copies an accepted file', async () => {
    const accepted = TestSpool.at(spool);
    const file = await accepted.files.open(await accepted.accept(BYTES), digestOf(BYTES));
    let counted = 0;
    await put(new OutgoingBody(file, never, (bytes) => (counted += bytes)), far);
    expect(counted).toBe(BYTES.length);
    expect((await readFile(await contentPath(farPlaces))).equals(BYTES)).toBe(true);
  });
});
