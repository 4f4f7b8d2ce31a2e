import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jwtVerify } from 'jose';
import { createPublicKey } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import type { Environment } from '../config/environment.js';
import { openDevelopmentKeys } from './development-keys.js';
import { developmentToken } from './development-token.js';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'development-keys-'));
});

afterEach(async () => {
  await rm(dataDir, { recursive: true });
});

function environment(variables: Record<string, string> = {}): Environment {
  return parseEnvironment({ DATA_DIR: dataDir, ...variables });
}

describe('openDevelopmentKeys', () => {
  it('makes a pair once, which only its owner can read, and gives it again', async () => {
    const first = await openDevelopmentKeys(dataDir);
    const second = await openDevelopmentKeys(dataDir);
    expect(second.privateKey.equals(first.privateKey)).toBe(true);
    expect(first.privateKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    const { mode } = await stat(join(dataDir, 'keys', 'development-private.pem'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('gives one pair to all who start at the same time, and leaves nothing else behind', async () => {
    const pairs = await Promise.all([1, 2, 3, 4].map(() => openDevelopmentKeys(dataDir)));
    const publicKey = createPublicKey(await readFile(pairs[0]?.publicKeyFile ?? ''));
    for (const { privateKey } of pairs) expect(createPublicKey(privateKey).equals(publicKey)).toBe(true);
    const files = await readdir(join(dataDir, 'keys'));
    expect(files.toSorted()).toEqual(['development-private.pem', 'development-public.pem']);
  });

  it('makes the public file anew when it is lost or belongs to another pair', async () => {
    const { publicKeyFile } = await openDevelopmentKeys(dataDir);
    const pem = await readFile(publicKeyFile, 'utf8');
    await writeFile(publicKeyFile, 'something else');
    await openDevelopmentKeys(dataDir);
    expect(await readFile(publicKeyFile, 'utf8')).toBe(pem);
  });

  it('says which file to remove when it holds no key', async () => {
    await openDevelopmentKeys(dataDir);
    const path = join(dataDir, 'keys', 'development-private.pem');
    await chmod(path, 0o600);
    await writeFile(path, 'broken');
    await expect(openDevelopmentKeys(dataDir)).rejects.toThrow(
      /development-private\.pem holds no private key/,
    );
  });
});

describe('developmentToken', () => {
  it('is signed with the development pair and lasts an hour', async () => {
    const token = await developmentToken(environment());
    const { privateKey } = await openDevelopmentKeys(dataDir);
    const { payload, protectedHeader } = await jwtVerify(token, createPublicKey(privateKey));
    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toMatchObject({ sub: 'developer', type: 'access', roles: ['user'] });
    expect(payload.exp).toBe((payload.iat ?? 0) + 3600);
  });

  it('names the issuer and the audience that the service expects', async () => {
    const variables = { JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'ingester' };
    const token = await developmentToken(environment(variables), { scopes: ['a', 'b'], ttlSeconds: 5 });
    const { privateKey } = await openDevelopmentKeys(dataDir);
    const options = { issuer: 'https://issuer.example', audience: 'ingester' };
    const { payload } = await jwtVerify(token, createPublicKey(privateKey), options);
    expect(payload.scope).toBe('a b');
  });

  it.each([
    [{ NODE_ENV: 'production' as const }, /NODE_ENV=production/],
    [{ JWT_PUBLIC_KEY_FILE: 'key.pem' }, /signed elsewhere/],
    [{ JWT_JWKS_URL: 'http://127.0.0.1/keys' }, /signed elsewhere/],
  ])('is refused with %j', async (settings, reason) => {
    await expect(developmentToken({ ...environment(), ...settings })).rejects.toThrow(reason);
    expect(await readdir(dataDir)).toEqual([]);
  });
});
