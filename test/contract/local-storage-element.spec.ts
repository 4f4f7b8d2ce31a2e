import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { parseKeepingNumbers } from '../../src/errors/json-numbers.js';
import { LocalStorageElement } from '../../src/storage/drivers/local/local-storage-element.js';
import { bodyInHand, bodyOf, bodyOfBytes, describedFile, MIB, randomSource } from '../support/file-bodies.js';
import { storageElementContract, type Subject } from './storage-element.contract.js';

const never = new AbortController().signal;
const ID = '550e8400-e29b-41d4-a716-446655440000';

async function createSubject(): Promise<Subject> {
  const root = await mkdtemp(join(tmpdir(), 'local-element-'));
  return {
    element: new LocalStorageElement('local', root),
    finishedFiles: async () => {
      const paths = await readdir(join(root, 'files'), { recursive: true }).catch(() => []);
      const contents = paths.filter((path) => path.endsWith('/content'));
      return Promise.all(
        contents.map(async (path) => {
          const bytes = await readFile(join(root, 'files', path));
          return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
        }),
      );
    },
    takenBytes: () => {
      const incoming = join(root, 'incoming');
      const [folder = ''] = existsSync(incoming) ? readdirSync(incoming) : [];
      return statSync(join(incoming, folder, 'content'), { throwIfNoEntry: false })?.size ?? 0;
    },
    leftOvers: () => readdir(join(root, 'incoming')).catch(() => []),
    breakDown: async () => {
      await rm(root, { recursive: true });
      await writeFile(root, 'no folder');
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

storageElementContract('LocalStorageElement', createSubject);

describe('LocalStorageElement on disk', () => {
  let root: string;
  let element: LocalStorageElement;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-element-'));
    element = new LocalStorageElement('local', root);
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  it('keeps content and metadata in a folder of the id, readable by us alone', async () => {
    const file = describedFile({ fileId: ID, tags: ['a'], metadata: { project: 'x' }, description: 'one' });
    await element.put(file, bodyOfBytes('hello'), never);
    const folder = join(root, 'files', ID.slice(-2), ID);
    expect(await readFile(join(folder, 'content'), 'utf8')).toBe('hello');
    expect(JSON.parse(await readFile(join(folder, 'metadata.json'), 'utf8'))).toEqual({
      file_id: ID,
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
      [folder, join(folder, 'content'), join(folder, 'metadata.json')].map(async (path) =>
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
    const record = await readFile(join(root, 'files', ID.slice(-2), ID, 'metadata.json'), 'utf8');
    expect(record).toContain(`"metadata":${metadata}`);
  });

  it('gives a file its name only when it is whole', async () => {
    const { source, body } = bodyInHand();
    const put = element.put(describedFile({ fileId: ID }), body, never);
    source.write(Buffer.alloc(MIB));
    await setTimeout(100);
    expect(await readdir(join(root, 'incoming'))).toEqual([expect.stringContaining(ID)]);
    expect(await readdir(join(root, 'files'))).toEqual([]);
    source.end();
    await put;
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
    expect(await readdir(join(root, 'files', ID.slice(-2)))).toEqual([ID]);
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

  it('refuses an id that is no UUID', async () => {
    const put = element.put(describedFile({ fileId: '../evil' }), bodyOfBytes('x'), never);
    await expect(put).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(await readdir(root)).toEqual([]);
  });

  it('removes what nobody has written to for an hour, and leaves what another process may be writing', async () => {
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const name of ['left', 'in-use', 'begun']) {
      const folder = join(root, 'incoming', name);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'content'), 'half');
      if (name === 'left') await utimes(join(folder, 'content'), longAgo, longAgo);
      if (name !== 'begun') await utimes(folder, longAgo, longAgo);
    }
    await element.prepare();
    expect((await readdir(join(root, 'incoming'))).toSorted()).toEqual(['begun', 'in-use']);
  });

  it('takes files also where something that was left behind cannot be removed, and says so', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    const folders = ['left', 'stuck'].map((name) => join(root, 'incoming', name));
    const [left = '', stuck = ''] = folders;
    await mkdir(left, { recursive: true });
    // Two deep folders, one below the other: no path that the system takes leads to the end, not even for root.
    const deep = join(...Array<string>(12).fill('x'.repeat(250)));
    await mkdir(join(root, 'aside', deep), { recursive: true });
    await mkdir(join(stuck, deep), { recursive: true });
    await rename(join(root, 'aside'), join(stuck, deep, 'aside'));
    for (const folder of folders) await utimes(folder, longAgo, longAgo);
    try {
      expect(await element.health()).toEqual({ up: true });
      await element.put(describedFile(), bodyOfBytes('x'), never);
      expect(await readdir(join(root, 'incoming'))).toEqual(['stuck']);
      expect(warn.mock.calls).toEqual([[expect.objectContaining({ folder: stuck }), expect.any(String)]]);
    } finally {
      warn.mockRestore();
      await rename(join(stuck, deep, 'aside'), join(root, 'aside'));
    }
  });

  it('does not take damaged metadata for a missing file', async () => {
    await element.put(describedFile({ fileId: ID }), bodyOfBytes('hello'), never);
    await writeFile(join(root, 'files', ID.slice(-2), ID, 'metadata.json'), '{"file_id":');
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
