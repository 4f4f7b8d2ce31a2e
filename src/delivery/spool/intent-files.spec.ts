import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IntentFiles } from './intent-files.service.js';

describe('intent files', () => {
  const uploadId = randomUUID();
  let spool: string;
  let folder: string;
  let intents: IntentFiles;

  beforeEach(async () => {
    spool = await mkdtemp(join(tmpdir(), 'intents-'));
    folder = join(spool, 'intents');
    intents = new IntentFiles(spool);
  });

  afterEach(() => rm(spool, { recursive: true }));

  it('keep what was written, for their owner alone, until it is removed', async () => {
    expect(await intents.list()).toEqual([]);
    await intents.write(uploadId, { target: 'se-01', sizes: [1, 2] });
    expect((await stat(join(folder, `${uploadId}.json`))).mode & 0o777).toBe(0o600);
    expect(await intents.list()).toEqual([uploadId]);
    expect(await new IntentFiles(spool).read(uploadId)).toEqual({ target: 'se-01', sizes: [1, 2] });
    await intents.remove(uploadId);
    await intents.remove(uploadId);
    expect(await intents.read(uploadId)).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });

  it('hold the whole of one intent when several are written at once', async () => {
    const all = Array.from({ length: 20 }, (_, index) => ({ index, text: 'x'.repeat(10_000) }));
    await Promise.all(all.map((intent) => intents.write(uploadId, intent)));
    expect(all).toContainEqual(await intents.read(uploadId));
    expect(await readdir(folder)).toEqual([`${uploadId}.json`]);
  });

  it('leave nothing of what cannot be written', async () => {
    await mkdir(join(folder, `${uploadId}.json`), { recursive: true });
    await expect(intents.write(uploadId, {})).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(await readdir(folder)).toEqual([`${uploadId}.json`]);
  });

  it('say so when what is there is no JSON any more', async () => {
    await intents.write(uploadId, {});
    await writeFile(join(folder, `${uploadId}.json`), '{"tar');
    await expect(intents.read(uploadId)).rejects.toMatchObject({ reason: 'spool_damaged' });
  });

  it('are found by ids and by nothing else', async () => {
    for (const id of ['../x', '', `${uploadId}.json`]) {
      await expect(intents.write(id, {})).rejects.toThrow('Not the id of an upload');
      await expect(intents.read(id)).rejects.toThrow('Not the id of an upload');
      await expect(intents.remove(id)).rejects.toThrow('Not the id of an upload');
    }
    expect(await readdir(spool)).toEqual([]);
  });

  it('are rid of what a killed process has not finished, once it is an hour old', async () => {
    await intents.write(uploadId, {});
    await writeFile(join(folder, `${uploadId}.json.${randomUUID()}`), '{"tar');
    await writeFile(join(folder, 'notes.txt'), 'mine');
    expect(await intents.removeLeftOvers()).toBe(0);
    expect(await intents.list()).toEqual([uploadId]);
    const later = { monotonicMs: () => 0, wallMs: () => Date.now() + 3_600_001 };
    expect(await new IntentFiles(spool, later).removeLeftOvers()).toBe(1);
    expect((await readdir(folder)).toSorted()).toEqual([`${uploadId}.json`, 'notes.txt'].toSorted());
  });
});
