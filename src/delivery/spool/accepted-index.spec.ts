import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newAcceptedFile } from './accepted-file.js';
import { AcceptedIndex } from './accepted-index.js';

const HOUR_MS = 3_600_000;

describe('the index of accepted files', () => {
  const databaseId = randomUUID();
  const nameOf = (bytes = 3): string =>
    newAcceptedFile({ uploadId: randomUUID(), databaseId, bytes, acceptedAtMs: Date.now() }).name;
  const name = nameOf();
  let nowMs: number;
  let folder: string;
  let index: AcceptedIndex;

  beforeEach(async () => {
    nowMs = 0;
    folder = await mkdtemp(join(tmpdir(), 'accepted-index-'));
    index = new AcceptedIndex(folder, { monotonicMs: () => nowMs, wallMs: () => Date.now() });
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** What another process keeps. */
  async function leave(called: string = nameOf()): Promise<string> {
    await writeFile(join(folder, called), 'abc');
    return called;
  }

  /** The folder says that it was last changed then, whatever was done to it. */
  const changedAt = (ms: number): Promise<void> => utimes(folder, ms / 1000, ms / 1000);

  it('keeps what is put in while the folder is read', async () => {
    const refreshing = index.refresh();
    index.add(name);
    await refreshing;
    expect(index.usage).toEqual({ bytes: 3, files: 1 });
    await index.refresh();
    expect(index.usage).toEqual({ bytes: 0, files: 0 });
  });

  it('leaves out what is taken out while the folder is read', async () => {
    await leave(name);
    const refreshing = index.refresh();
    index.drop(name);
    await refreshing;
    expect(index.usage).toEqual({ bytes: 0, files: 0 });
  });

  it('reads the folder once for all who ask meanwhile', async () => {
    await leave(name);
    expect(index.refresh()).toBe(index.refresh());
    await index.refresh();
    expect(index.usage).toEqual({ bytes: 3, files: 1 });
  });

  it('counts a file once, however often it is put in', () => {
    for (let times = 0; times < 2; times += 1) index.add(name);
    expect(index.usage).toEqual({ bytes: 3, files: 1 });
    index.drop(name);
    index.drop(name);
    expect([index.usage, index.oldest]).toEqual([{ bytes: 0, files: 0 }, undefined]);
  });

  it('knows the oldest, whatever the order of the names', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      ids.push(await leave());
      await sleep(20);
    }
    await index.refresh();
    index.add(nameOf(1));
    for (const id of ids) {
      expect(index.oldest).toMatchObject({ name: id, bytes: 3 });
      index.drop(id);
    }
  });

  it('believes the names, and takes nothing for a file that has no name of ours', async () => {
    await leave(nameOf(7));
    await leave('notes.txt');
    await index.refresh();
    expect(index.usage).toEqual({ bytes: 7, files: 1 });
  });

  describe('in its turn', () => {
    it('sees what has come and gone', async () => {
      await leave(name);
      await index.refreshInTurn();
      expect(index.usage.files).toBe(1);
      await rm(join(folder, name));
      await index.refreshInTurn();
      expect(index.usage.files).toBe(0);
    });

    it('does not read a folder that is as it was', async () => {
      await changedAt(Date.now() - HOUR_MS);
      const { mtimeMs } = await stat(folder);
      await index.refreshInTurn();
      await leave(name);
      await changedAt(mtimeMs);
      await index.refreshInTurn();
      expect(index.usage.files).toBe(0);
      await changedAt(mtimeMs + 10);
      await index.refreshInTurn();
      expect(index.usage.files).toBe(1);
    });

    it('reads one again that was changed just before', async () => {
      // Far ahead, so that it is just before however slow the machine is.
      const aheadMs = Date.now() + HOUR_MS;
      await changedAt(aheadMs);
      await index.refreshInTurn();
      await leave(name);
      await changedAt(aheadMs);
      await index.refreshInTurn();
      expect(index.usage.files).toBe(1);
    });

    it('leaves one alone for a hundred times as long as it took to read it', async () => {
      const reading = index.refresh();
      nowMs = 50;
      await reading;
      await leave(name);
      nowMs = 50 + 4_999;
      await index.refreshInTurn();
      expect(index.usage.files).toBe(0);
      nowMs = 50 + 5_000;
      await index.refreshInTurn();
      expect(index.usage.files).toBe(1);
    });
  });
});
