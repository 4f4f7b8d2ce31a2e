import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseKeepingNumbers } from '../../src/errors/json-numbers.js';
import { LocalStorageElement } from '../../src/storage/drivers/local/local-storage-element.js';
import { bodyInHand, bodyOf, bodyOfBytes, describedFile, MIB, randomSource } from '../support/file-bodies.js';
import { LinkableBodies } from '../support/linkable-bodies.js';
import { storageElementContract, type Subject } from './storage-element.contract.js';

const never = new AbortController().signal;
const ID = '550e8400-e29b-41d4-a716-446655440000';

async function createSubject(): Promise<Subject> {
  const root = await mkdtemp(join(tmpdir(), 'local-element-'));
  const files = join(root, 'files');
  const namesIn = (end: string): string[] =>
    existsSync(files)
      ? readdirSync(files, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(end))
      : [];
  return {
    element: new LocalStorageElement('local', root),
    finishedFiles: () =>
      Promise.all(
        namesIn('.json').map(async (name) => {
          const { content } = JSON.parse(await readFile(join(files, name), 'utf8')) as { content: string };
          const bytes = await readFile(join(files, dirname(name), content));
          return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
        }),
      ),
    takenBytes: () => namesIn('.content').reduce((sum, name) => sum + statSync(join(files, name)).size, 0),
    leftOvers: async () => {
      const drafts = await readdir(join(root, 'incoming')).catch(() => []);
      const contents = namesIn('.content').length - namesIn('.json').length;
      return contents === 0 ? drafts : [...drafts, `${contents} contents without a record`];
    },
    breakDown: async () => {
      await rm(root, { recursive: true });
      await writeFile(root, 'no folder');
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

/** The same, with bodies in a spool on the same file system. */
async function createLinkingSubject(): Promise<Subject> {
  const spool = await mkdtemp(join(tmpdir(), 'local-element-spool-'));
  const bodies = new LinkableBodies(spool);
  const subject = await createSubject();
  return {
    ...subject,
    bodies,
    dispose: async () => {
      await bodies.dispose();
      await subject.dispose();
      await rm(spool, { recursive: true });
    },
  };
}

storageElementContract('LocalStorageElement', createSubject);
storageElementContract('LocalStorageElement that links', createLinkingSubject);

describe('LocalStorageElement on disk', () => {
  let root: string;
  let element: LocalStorageElement;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-element-'));
    element = new LocalStorageElement('local', root);
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  const shard = (): string => join(root, 'files', ID.slice(-2));
  const record = (): string => join(shard(), `${ID}.json`);

  it('keeps content and record in the shard of the id, readable by us alone', async () => {
    const file = describedFile({ fileId: ID, tags: ['a'], metadata: { project: 'x' }, description: 'one' });
    await element.put(file, bodyOfBytes('hello'), never);
    const names = (await readdir(shard())).toSorted();
    const content = expect.stringMatching(new RegExp(`^${ID}\\.[0-9a-f]{16}\\.content$`));
    expect(names).toEqual([content, `${ID}.json`]);
    expect(await readFile(join(shard(), names[0] ?? ''), 'utf8')).toBe('hello');
    expect(JSON.parse(await readFile(record(), 'utf8'))).toEqual({
      file_id: ID,
      content: names[0],
      original_filename: 'a.txt',
      content_type: 'text/plain',
      size: 5,
      checksum: createHash('sha256').update('hello').digest('hex'),
      description: 'one',
      tags: ['a'],
      metadata: { project: 'x' },
      retention_policy: 'temporary',
      ttl_days: 30,
      uploaded_by: 'alice',
      uploaded_by_username: 'Alice',
      uploaded_at: '2026-11-20T10:00:00.000Z',
    });
    const modes = await Promise.all(
      [shard(), ...names.map((name) => join(shard(), name))].map(async (path) =>
        ((await stat(path)).mode & 0o777).toString(8),
      ),
    );
    expect(modes).toEqual(['700', '600', '600']);
  });

  it('remembers metadata as it was written', async () => {
    const metadata = '{"id":1546130668394913822,"price":1.10,"__proto__":{"a":-0}}';
    const file = describedFile({ fileId: ID, metadata: Object(parseKeepingNumbers(metadata)) });
    const stored = await element.put(file, bodyOfBytes('hello'), never);
    const known = await element.stat(ID);
    expect(JSON.stringify(stored.remembered?.metadata)).toBe(metadata);
    expect(JSON.stringify(known?.remembered?.metadata)).toBe(metadata);
    expect(await readFile(record(), 'utf8')).toContain(`"metadata":${metadata}`);
  });

  it('gives a file its name only when it is whole', async () => {
    const { source, body } = bodyInHand();
    const put = element.put(describedFile({ fileId: ID }), body, never);
    source.write(Buffer.alloc(MIB));
    await setTimeout(100);
    expect(await readdir(join(root, 'incoming'))).toEqual([expect.stringContaining(ID)]);
    expect(existsSync(record())).toBe(false);
    expect(await element.stat(ID)).toBeUndefined();
    source.end();
    await put;
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
    expect(existsSync(record())).toBe(true);
  });

  it('says why an upload was aborted, also while blocks of it are being written', async () => {
    const reasons = Array.from(
      { length: 30 },
      (_, round) => new Error(`the client went away in round ${round}`),
    );
    for (const [round, reason] of reasons.entries()) {
      const { source, body } = bodyInHand();
      const controller = new AbortController();
      const put = element.put(describedFile(), body, controller.signal);
      for (let mib = 0; mib < 4; mib += 1) source.write(Buffer.alloc(MIB));
      const timer = globalThis.setTimeout(() => controller.abort(reason), round / 3);
      await expect(put).rejects.toBe(reason);
      clearTimeout(timer);
    }
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
  });

  it('refuses a second file of one id, in whatever case, and keeps the first', async () => {
    await element.put(describedFile({ fileId: ID }), bodyOfBytes('first'), never);
    const second = element.put(describedFile({ fileId: ID.toUpperCase() }), bodyOfBytes('second'), never);
    await expect(second).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await element.stat(ID)).toMatchObject({ size: 5 });
  });

  it('lets one of two simultaneous uploads of an id win', async () => {
    const results = await Promise.allSettled([
      element.put(describedFile({ fileId: ID }), bodyOf(randomSource(MIB)), never),
      element.put(describedFile({ fileId: ID }), bodyOf(randomSource(MIB)), never),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'CONFLICT' },
    });
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
  });

  it('stores the bytes of the one that wins, of many processes that store one id', async () => {
    for (let round = 0; round < 20; round += 1) {
      const fileId = randomUUID();
      const elements = Array.from({ length: 4 }, () => new LocalStorageElement('local', root));
      const puts = elements.map((each, index) =>
        each.put(describedFile({ fileId }), bodyOfBytes(`content ${'x'.repeat(index)}`), never),
      );
      const results = await Promise.allSettled(puts);
      const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      expect(won).toHaveLength(1);
      expect(lost.map(({ code }) => code)).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT']);
      const inShard = (await readdir(join(root, 'files', fileId.slice(-2)))).filter((name) =>
        name.startsWith(fileId),
      );
      expect(inShard).toHaveLength(2);
      const content = inShard.find((name) => name.endsWith('.content')) ?? '';
      const bytes = await readFile(join(root, 'files', fileId.slice(-2), content));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(won[0]?.sha256);
      expect(await element.stat(fileId)).toEqual(won[0]);
      await Promise.all(elements.map((each) => each.close()));
    }
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
  });

  it('makes the folder of a shard again where it was removed', async () => {
    await element.put(describedFile({ fileId: ID }), bodyOfBytes('hello'), never);
    await rm(shard(), { recursive: true });
    await element.put(describedFile({ fileId: ID }), bodyOfBytes('hello'), never);
    expect(await element.stat(ID)).toMatchObject({ size: 5 });
  });

  it('takes no file where an earlier version has stored some, and says so', async () => {
    await mkdir(join(shard(), ID), { recursive: true });
    const reason = 'The folder has files of an earlier version.';
    expect(await element.health()).toEqual({ up: false, reason });
    const put = element.put(describedFile(), bodyOfBytes('x'), never);
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED', detail: reason });
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
  });

  it('refuses an id that is no UUID', async () => {
    const put = element.put(describedFile({ fileId: '../evil' }), bodyOfBytes('x'), never);
    await expect(put).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(await readdir(root)).toEqual([]);
  });

  it('does not take damaged metadata for a missing file', async () => {
    await element.put(describedFile({ fileId: ID }), bodyOfBytes('hello'), never);
    await writeFile(record(), '{"file_id":');
    await expect(element.stat(ID)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('can be used again when its folder comes back', async () => {
    await rm(root, { recursive: true });
    await writeFile(root, 'no folder');
    expect(await element.health()).toEqual({ up: false, reason: expect.stringContaining('ENOTDIR') });
    await rm(root);
    expect(await element.health()).toEqual({ up: true });
    await element.put(describedFile(), bodyOfBytes('x'), never);
  });
});
