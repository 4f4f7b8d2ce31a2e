import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bodyOfBytes, describedFile } from '../../../../test/support/file-bodies.js';
import type { ExpiryOutcome } from '../../storage-element.js';
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

  const shardOf = (id: string): string => join(root, 'files', id.slice(-2));
  const recordOf = (id: string): string => join(shardOf(id), `${id}.json`);
  const contentPath = (id: string): string =>
    join(shardOf(id), (JSON.parse(readFileSync(recordOf(id), 'utf8')) as { content: string }).content);
  const contentOf = (id: string): Promise<string> => readFile(contentPath(id), 'utf8');
  const incoming = (): Promise<string[]> => readdir(join(root, 'incoming'));

  /** As another process that removes it in this moment. */
  function removeAtOnce(id: string): void {
    const content = contentPath(id);
    rmSync(recordOf(id));
    rmSync(content);
  }

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

  /** Makes a file of today of the same id in a folder beside; gives what puts it in the place of the one that is there. */
  async function replacementOf(fileId: string): Promise<() => void> {
    const beside = join(root, 'beside');
    const other = new LocalStorageElement('other', beside);
    const file = describedFile({ fileId, ttlDays: 1, uploadedAt: new Date(NOW) });
    await other.put(file, bodyOfBytes('the new one'), never);
    await other.close();
    return () => {
      removeAtOnce(fileId);
      cpSync(join(beside, 'files'), join(root, 'files'), { recursive: true });
      rmSync(beside, { recursive: true });
    };
  }

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
      expect((await readdir(shardOf(id))).filter((name) => name.startsWith(id))).toEqual([]);
      expect(await element.stat(id)).toBeUndefined();
    }
    for (const id of [young, longer, permanent]) expect(await contentOf(id)).toBe('hello');
    expect(await incoming()).toEqual([]);
    expect(await sweep()).toEqual([]);
  });

  it('are looked for only where files of the element are', async () => {
    const id = await put();
    const strange = [
      join(shardOf(id), `copy-of-${id}.json`),
      join(shardOf(id), `${ID.toUpperCase()}.json`),
      join(root, 'files', 'zz', `${id}.json`),
      join(root, 'elsewhere'),
    ];
    for (const path of strange) await cp(recordOf(id), path);
    const link = join(shardOf(id), `00000000-0000-4000-8000-0000000000${id.slice(-2)}.json`);
    await symlink(join(root, 'elsewhere'), link);
    await writeFile(join(root, 'files', 'a-file'), 'x');
    expect(await sweep()).toEqual([{ kind: 'removed', bytes: 5 }]);
    for (const path of [...strange, link]) expect(existsSync(path)).toBe(true);
  });

  it('stay, and are named, where their record cannot be read', async () => {
    const ids = [await put(), await put(), await put(), await put()] as const;
    const [damaged, noTime, noContent, another] = ids;
    await writeFile(recordOf(damaged), '{"file_id":');
    await writeFile(recordOf(noTime), (await readFile(recordOf(noTime), 'utf8')).replace(/2026[^"]*/, 'x'));
    await rm(contentPath(noContent));
    // Says that it is the record of another file, which would go in its place.
    await cp(recordOf(await put({ ttlDays: 2 })), recordOf(another));
    const outcomes = await sweep();
    expect(outcomes).toHaveLength(4);
    for (const name of ids) {
      expect(outcomes).toContainEqual({ kind: 'unreadable', name, error: expect.anything() });
      expect(existsSync(recordOf(name))).toBe(true);
    }
  });

  it('stay where they say that they are permanent, whatever else they say', async () => {
    const id = await put({ retentionPolicy: 'permanent' });
    expect(await sweep()).toEqual([]);
    expect(await contentOf(id)).toBe('hello');
  });

  it('are not told of where another process removes them meanwhile', async () => {
    const id = await put();
    expect(await sweep(whenAsked(1, () => removeAtOnce(id)))).toEqual([]);
    expect(await incoming()).toEqual([]);
  });

  it('do not take one with them that was stored anew behind a look', async () => {
    const id = await put();
    expect(await sweep(whenAsked(1, await replacementOf(id)))).toEqual([]);
    expect(await contentOf(id)).toBe('the new one');
    expect(await incoming()).toEqual([]);
  });

  it('are put back where their record can no longer be read', async () => {
    const id = await put();
    const content = contentPath(id);
    expect(await sweep(whenAsked(1, () => writeFileSync(recordOf(id), '{')))).toEqual([]);
    expect(await readFile(recordOf(id), 'utf8')).toBe('{');
    expect(await readFile(content, 'utf8')).toBe('hello');
    expect(await incoming()).toEqual([]);
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
    expect(ids.filter((id) => existsSync(recordOf(id)))).toHaveLength(9);
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
    const removeAll = (): void => ids.forEach((id) => rmSync(shardOf(id), { recursive: true }));
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
