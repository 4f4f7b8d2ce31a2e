import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { closeToOthers } from './private-folders.js';

describe('the folders of the service', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'ingester-private-'));
    chmodSync(home, 0o755);
  });

  afterEach(() => rmSync(home, { recursive: true }));

  const close = (variables: Record<string, string> = {}): Promise<readonly string[]> =>
    closeToOthers(parseEnvironment({ DATA_DIR: home, ...variables }));
  const modeOf = (path: string): string => (statSync(join(home, path)).mode & 0o7777).toString(8);

  function make(path: string, mode = 0o644): void {
    mkdirSync(join(home, path, '..'), { recursive: true, mode: 0o755 });
    writeFileSync(join(home, path), '', { mode });
  }

  it('are closed to other users with everything that is the own', async () => {
    make('database/base/1/2600', 0o666);
    for (const name of ['database.lock', 'database.sqlite', 'database.sqlite-wal', 'database.sqlite-journal'])
      make(name, 0o666);
    make('spool/accepted/a.upload');
    expect(await close()).toEqual([]);
    for (const folder of ['', 'database', 'database/base/1', 'spool/accepted'])
      expect([folder, modeOf(folder)]).toEqual([folder, '700']);
    const files = [
      'database/base/1/2600',
      'database.sqlite',
      'database.sqlite-wal',
      'database.sqlite-journal',
    ];
    for (const file of [...files, 'database.lock', 'spool/accepted/a.upload'])
      expect([file, modeOf(file)]).toEqual([file, '600']);
  });

  it('are closed where the spool is elsewhere, too', async () => {
    const SPOOL_DIR = join(home, 'elsewhere');
    make('elsewhere/accepted/a.upload');
    make('elsewhere/b.txt');
    make('data/database/a');
    expect(await close({ DATA_DIR: join(home, 'data'), SPOOL_DIR })).toEqual([]);
    expect(['elsewhere', 'elsewhere/accepted', 'elsewhere/accepted/a.upload'].map(modeOf)).toEqual([
      '700',
      '700',
      '600',
    ]);
  });

  it('are left with what is somebody else’s as it was', async () => {
    make('notes/a.txt');
    symlinkSync(join(home, 'notes'), join(home, 'keys'));
    expect(await close()).toEqual([`DATA_DIR: other users may look into ${home} (others keep files there)`]);
    expect(['', 'notes', 'notes/a.txt'].map(modeOf)).toEqual(['755', '755', '644']);
  });

  it('are closed in a volume of their own', async () => {
    make('lost+found/x');
    expect(await close()).toEqual([]);
    expect(['', 'lost+found'].map(modeOf)).toEqual(['700', '755']);
  });

  it('are not walked again once they are closed', async () => {
    make('database/a');
    chmodSync(join(home, 'database'), 0o700);
    await close();
    expect(modeOf('database/a')).toBe('644');
  });

  it('are not closed where all users share them, and that is said', async () => {
    make('database/a', 0o666);
    chmodSync(home, 0o1777);
    expect(await close()).toEqual([`DATA_DIR: other users may look into ${home} (it is one of all users)`]);
    expect([modeOf(''), modeOf('database/a')]).toEqual(['1777', '600']);
  });
});
