import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { credentialsOf } from './s3-credentials.js';

const region = 'eu-central-1';

const CLEAN = {
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  AWS_EC2_METADATA_DISABLED: 'true',
};

describe('the credentials of an S3 element', () => {
  let folder: string;
  let before: NodeJS.ProcessEnv;

  function setEnvironment(members: NodeJS.Dict<string>): void {
    for (const [name, value] of Object.entries(members)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }

  beforeEach(async () => {
    before = { ...process.env };
    folder = await mkdtemp(join(tmpdir(), 'credentials-'));
    const files = {
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
      AWS_CONFIG_FILE: join(folder, 'config'),
    };
    setEnvironment({ ...CLEAN, ...files });
    await writeFile(
      files.AWS_SHARED_CREDENTIALS_FILE,
      '[backup]\naws_access_key_id = AKIABACKUP\naws_secret_access_key = b\n',
    );
  });

  afterEach(async () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    setEnvironment(before);
    await rm(folder, { recursive: true });
  });

  it('are those of the settings, whatever else there is', async () => {
    setEnvironment({ AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'e' });
    const given = { accessKeyId: 'AKIAGIVEN', secretAccessKey: 'g' };
    expect(await credentialsOf({ region, credentials: given }).current()).toEqual(given);
  });

  it('are those of the environment', async () => {
    setEnvironment({ AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'e', AWS_SESSION_TOKEN: 't' });
    expect(await credentialsOf({ region }).current()).toMatchObject({
      accessKeyId: 'AKIAENV',
      secretAccessKey: 'e',
      sessionToken: 't',
    });
  });

  it('are those of a profile, which are read again when they are refused', async () => {
    const credentials = credentialsOf({ region, profile: 'backup' });
    const first = await credentials.current();
    expect(first).toMatchObject({ accessKeyId: 'AKIABACKUP' });
    await writeFile(
      join(folder, 'credentials'),
      '[backup]\naws_access_key_id = AKIANEW\naws_secret_access_key = n\n',
    );
    expect(await credentials.renewed(first)).toMatchObject({ accessKeyId: 'AKIANEW' });
  });

  it('are missing where nobody has any', async () => {
    await expect(credentialsOf({ region }).current()).rejects.toThrow('Could not load credentials');
  });
});
