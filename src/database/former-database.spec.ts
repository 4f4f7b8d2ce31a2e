import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { requireNoFormerDatabase } from './former-database.js';

describe('the embedded database of an earlier version', () => {
  let dataDir: string;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'ingester-former-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  function check(variables: Record<string, string> = {}): () => void {
    const environment = parseEnvironment({ NODE_ENV: 'test', DATA_DIR: dataDir, ...variables });
    return () => requireNoFormerDatabase(environment);
  }

  it('is not forgotten: the start is refused, and says what is to be done', () => {
    mkdirSync(join(dataDir, 'database'));
    expect(check()).toThrow(/database is the embedded database of an earlier version.*remove the folder/);
  });

  it('is of no concern where there is none, or a PostgreSQL is named', () => {
    expect(check()).not.toThrow();
    mkdirSync(join(dataDir, 'database'));
    expect(check({ DATABASE_URL: 'postgres://ingester@127.0.0.1/ingester' })).not.toThrow();
  });
});
