import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spoolIdOf } from './spool-id.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('the id of a spool', () => {
  let parent: string;
  let folder: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'ingester-spool-id-'));
    folder = join(parent, 'spool');
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it('is made once, with the folder, and stays', async () => {
    const id = await spoolIdOf(folder);
    expect(id).toMatch(UUID);
    expect(await spoolIdOf(folder)).toBe(id);
    expect(await readdir(folder)).toEqual(['spool-id']);
  });

  it('is one for all who ask at once', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => spoolIdOf(folder)));
    expect(new Set(ids).size).toBe(1);
    expect(await readdir(folder)).toEqual(['spool-id']);
  });

  it('is another one in another folder', async () => {
    expect(await spoolIdOf(folder)).not.toBe(await spoolIdOf(join(parent, 'other')));
  });

  it.each(['', 'no id', '00000000-0000-0000-0000'])('is not guessed where its file says %j', async (text) => {
    await mkdir(folder);
    await writeFile(join(folder, 'spool-id'), text);
    await expect(spoolIdOf(folder)).rejects.toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
      // Clients are told, and paths are not for them.
      detail: 'Files cannot be kept for later: the spool has no id.',
      cause: { message: `${join(folder, 'spool-id')} has no id` },
    });
  });
});
