import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { requireFolders } from './required-folders.js';

describe('the folders that the service needs', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'ingester-folders-'));
  });

  afterEach(() => rmSync(home, { recursive: true }));

  const require = (variables: Record<string, string>): Promise<void> =>
    requireFolders(parseEnvironment(variables));

  it('are made, private, with what is missing above them', async () => {
    const variables = { DATA_DIR: join(home, 'a/b/data'), SPOOL_DIR: join(home, 'spool') };
    await require(variables);
    await require(variables);
    for (const folder of Object.values(variables)) expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('are refused by the names of their variables, all at once', async () => {
    const file = join(home, 'file');
    writeFileSync(file, '', { mode: 0o777 });
    await expect(require({ DATA_DIR: file, SPOOL_DIR: join(file, 'spool') })).rejects.toMatchObject({
      problems: [
        `DATA_DIR: ${file} is no folder that can be written to (ENOTDIR)`,
        `SPOOL_DIR: ${file}/spool is no folder that can be written to (ENOTDIR)`,
      ],
    });
  });

  it('are refused at once where the system makes no folder', async () => {
    await expect(require({ DATA_DIR: '/proc/none/data' })).rejects.toThrow('(ENOENT)');
  });
});
