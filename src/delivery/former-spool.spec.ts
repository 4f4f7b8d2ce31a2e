import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { ConfigurationError } from '../config/environment.js';
import { requireNoFormerSpool } from './former-spool.js';
import { newAcceptedFile } from './spool/accepted-file.js';

describe('a spool of an earlier version', () => {
  let folder: string;
  const check = (): void => requireNoFormerSpool(parseEnvironment({ NODE_ENV: 'test', SPOOL_DIR: folder }));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'former-spool-'));
    mkdirSync(join(folder, 'accepted'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const leave = (name: string): void => writeFileSync(join(folder, 'accepted', name), 'abc');

  it.each([
    ['that had one file for each upload', `${randomUUID()}.upload`],
    ['whose names did not tell size and age', `${randomUUID()}.${randomUUID()}.0123456789abcdef`],
  ])('%s is refused in one line', (_, name) => {
    leave(name);
    expect(check).toThrow(ConfigurationError);
    expect(check).toThrow(/\n  SPOOL_DIR: [^\n]*accepted files of an earlier version[^\n]*$/);
  });

  it('is not seen in files of this version, nor in those of others', () => {
    const of = { uploadId: randomUUID(), databaseId: randomUUID(), bytes: 3, acceptedAtMs: Date.now() };
    leave(newAcceptedFile(of).name);
    leave('notes.txt');
    expect(check).not.toThrow();
  });
});
