import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { ConfigurationError } from './environment.js';

describe('folders of local storage elements', () => {
  let root: string;

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'ingester-folders-'));
    mkdirSync(join(root, 'disk/deep'), { recursive: true });
    symlinkSync(join(root, 'disk'), join(root, 'link'));
    symlinkSync('disk/deep', join(root, 'deep-link'));
  });

  afterAll(() => rmSync(root, { recursive: true }));

  /** What a start is refused for with elements in these folders of `root`; `data` is the data folder. */
  function problemsOf(paths: readonly string[], variables: Record<string, string> = {}): readonly string[] {
    const elements = paths.map((path, index) => ({
      id: `e${index}`,
      driver: 'local',
      mode: 'edit',
      path: join(root, path),
    }));
    try {
      parseEnvironment({
        DATA_DIR: join(root, 'data'),
        STORAGE_ELEMENTS: JSON.stringify(elements),
        ...variables,
      });
      return [];
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems;
      throw error;
    }
  }

  it.each([
    [['disk', 'other', 'disk-2', 'deep']],
    [['a/b', 'a/c', 'a/..b']],
    [['data/storage/edit', 'data/files', 'data/spool-2', 'data/keys.d']],
  ])('%j are apart', (paths) => {
    expect(problemsOf(paths)).toEqual([]);
  });

  it.each([
    ['the same folder', ['new', 'new'], 'be'],
    ['one folder written in two ways', ['disk', 'other/../disk/'], 'be'],
    ['a folder inside the other', ['disk', 'disk/deep'], 'be inside'],
    ['a folder that is to be made inside the other', ['new', 'new/a/b'], 'be inside'],
    ['a folder around the other', ['disk/deep', 'disk'], 'hold'],
    ['a link to the other', ['disk', 'link'], 'be'],
    ['a folder below a link to the other', ['disk', 'link/new'], 'be inside'],
    ['a link into the other', ['disk', 'deep-link'], 'be inside'],
    ['a link to what is around the other', ['disk/deep/new', 'link'], 'hold'],
  ])('%s is refused', (_, paths, relation) => {
    expect(problemsOf(paths)).toEqual([
      `STORAGE_ELEMENTS[1].path: must not ${relation} the folder of STORAGE_ELEMENTS[0]`,
    ]);
  });

  it.each([
    ['data/spool', 'be the folder of the spool'],
    ['data/spool/accepted', 'be inside the folder of the spool'],
    ['data/database', 'be the folder of the database'],
    ['data/keys/a', 'be inside the folder of the keys'],
    ['data', 'hold the folder of the spool'],
    ['../'.repeat(20), 'hold the folder of the spool'],
  ])('%s is refused, since the service keeps something else there', (path, relation) => {
    expect(problemsOf([path])).toEqual([`STORAGE_ELEMENTS[0].path: must not ${relation}`]);
  });

  it('are apart from a spool that is elsewhere', () => {
    const spool = { SPOOL_DIR: ` ${join(root, 'link/spool')} ` };
    expect(problemsOf(['disk/spool/files'], spool)).toEqual([
      'STORAGE_ELEMENTS[0].path: must not be inside the folder of the spool',
    ]);
    expect(problemsOf(['data/spool'], spool)).toEqual([]);
  });

  it('are apart from the spool also where none is named', () => {
    const unset = { STORAGE_ELEMENTS: '', SPOOL_DIR: join(root, 'data/storage/rw') };
    expect(problemsOf([], unset)).toEqual(['STORAGE_ELEMENTS[1].path: must not be the folder of the spool']);
  });

  it('are told of once each, beside what else is wrong', () => {
    expect(problemsOf(['disk', 'disk', 'disk/deep'], { PORT: 'x' })).toEqual([
      'PORT: must be a whole number, got "x"',
      'STORAGE_ELEMENTS[1].path: must not be the folder of STORAGE_ELEMENTS[0]',
      'STORAGE_ELEMENTS[2].path: must not be inside the folder of STORAGE_ELEMENTS[0]',
    ]);
  });
});
