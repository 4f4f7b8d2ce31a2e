import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bodyOfBytes, describedFile } from '../../../../test/support/file-bodies.js';
import type { ExpiryOutcome } from './local-expiry.js';
import { LocalStorageElement } from './local-storage-element.js';

const DAY_MS = 86_400_000;
const UPLOADED = Date.parse('2026-11-20T10:00:00.000Z');
const NOW = UPLOADED + DAY_MS;
const never = new AbortController().signal;
const ID = '550e8400-e29b-41d4-a716-446655440000';

describe('files of a local element whose time is over', () => {
  let root: string;
  let element: LocalStorageElement;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-expiry-'));
    element = new LocalStorageElement('local', root);
    await element.prepare();
  });

  afterEach(async () => {
    await element.close();
    await rm(root, { recursive: true, force: true });
  });

  const folderOf = (id: string): string => join(root, 'files', id.slice(-2), id);

  /** Stores a file of one day; gives its id. */
  async function put(members: Parameters<typeof describedFile>[0] = {}, content = 'hello'): Promise<string> {
    const file = describedFile({ ttlDays: 1, uploadedAt: new Date(UPLOADED), ...members });
    return (await element.put(file, bodyOfBytes(content), never)).fileId;
  }

  async function sweep(nowMs = (): number => NOW, by = element): Promise<ExpiryOutcome[]> {
    const outcomes: ExpiryOutcome[] = [];
    for await (const outcome of by.removeExpired(nowMs, never)) outcomes.push(outcome);
    return outcomes;
  }

  /** A clock that stands still, and does `work` when it is looked at for the `nth` time. */
  function whenAsked(nth: number, work: () => void): () => number {
    let asked = 0;
    return () => {
      asked += 1;
      if (asked === nth) work();
      return NOW;
    };
  }

  /** Makes a whole file of today in a folder beside; gives what puts it in the place of `id`, whatever is there. */
  async function replacementOf(id: string): Promise<() => void> {
    const other = await put({ uploadedAt: new Date(NOW) }, 'the new one');
    const aside = join(root, 'replacement');
    await rename(folderOf(other), aside);
    return () => {
      rmSync(folderOf(id), { recursive: true, force: true });
      renameSync(aside, folderOf(id));
    };
  }

  const contentOf = (id: string): Promise<string> => readFile(join(folderOf(id), 'content'), 'utf8');
  const incoming = (): Promise<string[]> => readdir(join(root, 'incoming'));

  it('go, and those stay whose time is not over, or that have none', async () => {
    const over = await put({}, 'five!');
    const longOver = await put({ uploadedAt: new Date(0), ttlDays: 3 }, '');
    const young = await put({ uploadedAt: new Date(UPLOADED + 1) });
    const longer = await put({ ttlDays: 2 });
    const permanent = await put({
      retentionPolicy: 'permanent',
      ttlDays: null,
      uploadedAt: new Date(0),
    });
    const outcomes = await sweep();
    expect(outcomes).toHaveLength(2);
    expect(outcomes).toEqual(
      expect.arrayContaining([
        { kind: 'removed', bytes: 5 },
        { kind: 'removed', bytes: 0 },
      ]),
    );
    for (const id of [over, longOver]) {
      expect(existsSync(folderOf(id))).toBe(false);
      expect(await element.stat(id)).toBeUndefined();
    }
    for (const id of [young, longer, permanent]) expect(await contentOf(id)).toBe('hello');
    expect(await incoming()).toEqual([]);
    expect(await sweep()).toEqual([]);
  });

  it('are looked for only where files of the element are', async () => {
    const id = await put();
    const shard = join(root, 'files', id.slice(-2));
    const strange = [
      join(shard, `copy-of-${id}`),
      join(shard, ID.toUpperCase()),
      join(root, 'files', 'zz', id),
      join(root, 'elsewhere'),
    ];
    for (const folder of strange) await cp(folderOf(id), folder, { recursive: true });
    const link = join(shard, `00000000-0000-4000-8000-0000000000${id.slice(-2)}`);
    await symlink(join(root, 'elsewhere'), link);
    await writeFile(join(root, 'files', 'a-file'), 'x');
    expect(await sweep()).toEqual([{ kind: 'removed', bytes: 5 }]);
    for (const path of [...strange, link]) expect(existsSync(join(path, 'content'))).toBe(true);
  });

  it('stay, and are named, where their record cannot be read', async () => {
    const ids = [await put(), await put(), await put(), await put()] as const;
    const [damaged, without, noTime, noContent] = ids;
    const record = (id: string): string => join(folderOf(id), 'metadata.json');
    await writeFile(record(damaged), '{"file_id":');
    await rm(record(without));
    await writeFile(record(noTime), (await readFile(record(noTime), 'utf8')).replace(/2026[^"]*/, 'x'));
    await rm(join(folderOf(noContent), 'content'));
    const outcomes = await sweep();
    expect(outcomes).toHaveLength(4);
    for (const name of ids) {
      expect(outcomes).toContainEqual({ kind: 'unreadable', name, error: expect.anything() });
      expect(existsSync(folderOf(name))).toBe(true);
    }
  });

  it('stay where they say that they are permanent, whatever else they say', async () => {
    const id = await put({ retentionPolicy: 'permanent' });
    expect(await sweep()).toEqual([]);
    expect(await contentOf(id)).toBe('hello');
  });

  it('are not told of where another process removes them meanwhile', async () => {
    const id = await put();
    for (const nth of [1, 2]) {
      const copy = join(root, 'copy');
      await cp(folderOf(id), copy, { recursive: true });
      expect(await sweep(whenAsked(nth, () => rmSync(folderOf(id), { recursive: true })))).toEqual([]);
      expect(await incoming()).toEqual([]);
      await rename(copy, folderOf(id));
    }
    expect(await sweep()).toHaveLength(1);
  });

  it('do not take one with them that was stored anew behind a look', async () => {
    for (const nth of [1, 2]) {
      const id = await put();
      let asked = 0;
      const renew = whenAsked(nth, await replacementOf(id));
      const outcomes = await sweep(() => {
        asked += 1;
        return renew();
      });
      expect({ nth, asked, outcomes }).toEqual({ nth, asked: nth + 1, outcomes: [] });
      expect(await contentOf(id)).toBe('the new one');
      expect(await incoming()).toEqual([]);
      await element.remove(id);
    }
  });

  it('are not put back in part where another process removes them aside', async () => {
    const id = await put();
    const record = join(folderOf(id), 'metadata.json');
    expect(await sweep(whenAsked(2, () => rmSync(record)))).toEqual([{ kind: 'removed', bytes: 5 }]);
    expect(existsSync(folderOf(id))).toBe(false);
    expect(await incoming()).toEqual([]);
  });

  it('are put back where their record can no longer be read', async () => {
    const id = await put();
    const record = join(folderOf(id), 'metadata.json');
    expect(await sweep(whenAsked(2, () => writeFileSync(record, '{')))).toEqual([]);
    expect(await contentOf(id)).toBe('hello');
    expect(await incoming()).toEqual([]);
  });

  it('keep the bytes of one that was taken by mistake, where a third is in its place already', async () => {
    const id = await put();
    const third = join(root, 'third');
    const renew = await replacementOf(id);
    await cp(folderOf(id), third, { recursive: true });
    await writeFile(join(third, 'content'), 'the third');
    let asked = 0;
    const outcomes = await sweep(() => {
      asked += 1;
      if (asked === 2) renew();
      if (asked === 3) renameSync(third, folderOf(id));
      return NOW;
    });
    expect(outcomes).toEqual([
      { kind: 'failed', name: id, error: expect.objectContaining({ code: expect.any(String) }) },
    ]);
    expect(await contentOf(id)).toBe('the third');
    const [left = ''] = await incoming();
    expect(await readFile(join(root, 'incoming', left, 'content'), 'utf8')).toBe('the new one');
  });

  it('are removed once, however many look at the same time', async () => {
    await Promise.all(Array.from({ length: 60 }, () => put()));
    const replicas = Array.from({ length: 3 }, (_, index) => new LocalStorageElement(`${index}`, root));
    const outcomes = (await Promise.all(replicas.map((each) => sweep(undefined, each)))).flat();
    expect(outcomes).toEqual(Array.from({ length: 60 }, () => ({ kind: 'removed', bytes: 5 })));
    expect(await incoming()).toEqual([]);
  });

  it('never take an acknowledged file with them, whatever goes on beside', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, () => put()));
    const done = new AbortController();
    const sweeping = [1, 2, 3].map(async () => {
      while (!done.signal.aborted) await sweep(undefined, new LocalStorageElement('other', root));
    });
    const renew = async (fileId: string): Promise<void> => {
      for (let round = 0; round < 5; round += 1) {
        await element.remove(fileId);
        await put({ fileId, uploadedAt: new Date(NOW) }, `round ${round}`);
        expect(await element.stat(fileId)).toMatchObject({ size: 7 });
        if (round === 4) return;
        await element.remove(fileId);
        await put({ fileId });
      }
    };
    await Promise.all(ids.map(renew)).finally(() => done.abort());
    await Promise.all(sweeping);
    for (const id of ids) expect(await contentOf(id)).toBe('round 4');
    expect(await incoming()).toEqual([]);
  });

  it('are left for the next time when the service stops', async () => {
    // All in one folder, to whose end it could go on.
    const fileIds = Array.from({ length: 10 }, (_, index) => `${ID.slice(0, -3)}${index}aa`);
    const ids = await Promise.all(fileIds.map((fileId) => put({ fileId })));
    const stopping = new AbortController();
    for await (const outcome of element.removeExpired(() => NOW, stopping.signal)) {
      expect(outcome.kind).toBe('removed');
      stopping.abort();
    }
    expect(ids.filter((id) => existsSync(folderOf(id)))).toHaveLength(9);
  });

  it('are told of as failures where there is no folder to move them to', async () => {
    const id = await put();
    await rm(join(root, 'incoming'), { recursive: true });
    expect(await sweep()).toMatchObject([{ kind: 'failed', name: id, error: { code: 'ENOENT' } }]);
    expect(await contentOf(id)).toBe('hello');
  });

  it('are looked for in other folders where one cannot be read', async () => {
    const ids = [`${ID.slice(0, -2)}aa`, `${ID.slice(0, -2)}bb`];
    for (const fileId of ids) await put({ fileId, ttlDays: 2 });
    const removeAll = (): void => ids.forEach((id) => rmSync(join(folderOf(id), '..'), { recursive: true }));
    expect(await sweep(whenAsked(1, removeAll))).toEqual([
      { kind: 'failed', name: expect.stringMatching(/^(aa|bb)$/), error: expect.anything() },
    ]);
  });

  it('cannot be looked for where there is no folder', async () => {
    await rm(root, { recursive: true });
    await expect(sweep()).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(root);
  });
});
