import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEnvironment, strayVariables } from './environment.js';
import { storageDrivers } from '../../test/support/parse-environment.js';

describe('the configuration of this process', () => {
  const home = process.cwd();
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ingester-env-'));
    process.chdir(folder);
  });

  afterEach(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
    delete process.env.MAX_PARTS;
    delete process.env.JWT_ISSUER;
    delete process.env.MAX_PART;
  });

  it('is its environment over an .env file', () => {
    writeFileSync('.env', 'MAX_PARTS=7\nJWT_ISSUER=from-file\n');
    process.env.JWT_ISSUER = 'from-environment';
    expect(loadEnvironment(storageDrivers)).toMatchObject({ MAX_PARTS: 7, JWT_ISSUER: 'from-environment' });
  });

  it('is read from an .env file that begins with a byte order mark', () => {
    writeFileSync('.env', '\ufeffMAX_PARTS=7\nJWT_ISSUER=from-file\n');
    expect(loadEnvironment(storageDrivers)).toMatchObject({ MAX_PARTS: 7, JWT_ISSUER: 'from-file' });
  });

  it('does not pass over an .env file in another encoding', () => {
    writeFileSync('.env', '\ufeffMAX_PARTS=7\n', 'utf16le');
    expect(() => loadEnvironment(storageDrivers)).toThrow('.env: must be UTF-8');
  });

  it('names variables that it does not have', () => {
    writeFileSync('.env', 'MAX_PARTS=7\nCOLOUR=blue\n');
    process.env.MAX_PART = '8';
    expect(strayVariables(storageDrivers)).toEqual([
      'COLOUR in .env is not a variable of this service',
      'MAX_PART is not a variable of this service; did you mean MAX_PARTS?',
    ]);
  });

  it('names an .env that cannot be read', () => {
    mkdirSync('.env');
    expect(() => loadEnvironment(storageDrivers)).toThrow('.env: cannot be read (Error: EISDIR');
  });

  it('needs no .env file', () => {
    process.env.MAX_PARTS = '8';
    expect(loadEnvironment(storageDrivers).MAX_PARTS).toBe(8);
  });
});
