import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bodyOfBytes, describedFile } from '../../test/support/file-bodies.js';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { ConfigurationError } from '../config/environment.js';
import { LocalStorageElement } from './drivers/local/local-storage-element.js';
import { requireNoFormerFiles } from './former-files.js';
import { storageDrivers } from './storage-drivers.js';

const ID = '550e8400-e29b-41d4-a716-446655440000';

describe('a local element of an earlier version', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'former-layout-'));
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  function check(): Promise<void> {
    const elements = [
      { id: 'away', driver: 'local', path: join(root, 'away'), mode: 'rw' },
      { id: 'one', driver: 'local', path: join(root, 'one'), mode: 'edit' },
    ];
    return requireNoFormerFiles(
      parseEnvironment({ NODE_ENV: 'test', STORAGE_ELEMENTS: JSON.stringify(elements) }),
      storageDrivers,
    );
  }

  it('is refused in one line', async () => {
    await mkdir(join(root, 'one/files/00', ID), { recursive: true });
    const refused: unknown = await check().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConfigurationError);
    expect(String(refused)).toMatch(
      /\n {2}STORAGE_ELEMENTS: [^\n]*one has files of an earlier version[^\n]*$/,
    );
  });

  it('is not seen in files of this version, nor where there are none', async () => {
    await expect(check()).resolves.toBeUndefined();
    const element = new LocalStorageElement('one', join(root, 'one'));
    await element.put(describedFile({ fileId: ID }), bodyOfBytes('hello'), new AbortController().signal);
    await element.close();
    await mkdir(join(root, 'away/files/00'), { recursive: true });
    await expect(check()).resolves.toBeUndefined();
  });
});
