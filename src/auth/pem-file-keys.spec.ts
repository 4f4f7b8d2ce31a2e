import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestKeys, type TestKeys } from '../../test/support/tokens.js';
import { PemFileKeys } from './pem-file-keys.js';

describe('PemFileKeys', () => {
  let folder: string;
  let path: string;
  let first: TestKeys;
  let second: TestKeys;
  const warn = jest.spyOn(Logger.prototype, 'warn');

  beforeAll(async () => {
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    [first, second] = await Promise.all([createTestKeys(), createTestKeys()]);
  });

  beforeEach(async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    warn.mockClear();
    warn.mockImplementation(() => undefined);
    folder = await mkdtemp(join(tmpdir(), 'pem-file-keys-'));
    path = await first.publicKeyFile(folder);
  });

  afterEach(async () => {
    jest.useRealTimers();
    await rm(folder, { recursive: true });
  });

  it('reads the file again when it was replaced, and looks at it once a second', async () => {
    const keys = await PemFileKeys.open(path);
    await second.publicKeyFile(folder);
    expect(await isKeyOf(keys, first)).toBe(true);
    jest.advanceTimersByTime(1_000);
    expect(await isKeyOf(keys, second)).toBe(true);
  });

  it('notices a link that points elsewhere now, as mounted secrets change', async () => {
    const [current, next] = [join(folder, 'current.pem'), join(folder, 'next.pem')];
    await symlink(path, current);
    const keys = await PemFileKeys.open(current);
    await symlink(await second.publicKeyFile(await mkdtemp(join(folder, 'second-'))), next);
    await rename(next, current);
    jest.advanceTimersByTime(1_000);
    expect(await isKeyOf(keys, second)).toBe(true);
  });

  it('keeps the last good key while the file is broken or missing, says so once, and recovers', async () => {
    const keys = await PemFileKeys.open(path);
    await writeFile(path, second.publicKeyPem.slice(0, 100));
    for (let look = 0; look < 3; look += 1) {
      jest.advanceTimersByTime(1_000);
      expect(await isKeyOf(keys, first)).toBe(true);
    }
    expect(warn).toHaveBeenCalledTimes(1);
    await rm(path);
    jest.advanceTimersByTime(1_000);
    expect(await isKeyOf(keys, first)).toBe(true);
    expect(warn).toHaveBeenCalledTimes(2);
    await second.publicKeyFile(folder);
    jest.advanceTimersByTime(1_000);
    expect(await isKeyOf(keys, second)).toBe(true);
  });

  it('reads a file that begins with a byte order mark', async () => {
    await writeFile(path, `\ufeff${first.publicKeyPem}`);
    expect(await isKeyOf(await PemFileKeys.open(path), first)).toBe(true);
  });

  it('refuses keys that must not verify RS256', async () => {
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey;
    const weak = (await createTestKeys(1024)).publicKey;
    for (const key of [elliptic, pss, weak]) {
      await writeFile(path, key.export({ type: 'spki', format: 'pem' }));
      await expect(PemFileKeys.open(path)).rejects.toThrow(/not an RSA key|1024 bits/);
    }
    await writeFile(path, first.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await expect(PemFileKeys.open(path)).rejects.toThrow('it holds a private key');
  });
});

async function isKeyOf(keys: PemFileKeys, expected: TestKeys): Promise<boolean> {
  return (await keys.keyFor()).equals(expected.publicKey);
}
