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
    expect(await keys.health()).toMatchObject({ up: false, reason: 'the public key file is not usable' });
    await second.publicKeyFile(folder);
    jest.advanceTimersByTime(1_000);
    expect(await isKeyOf(keys, second)).toBe(true);
  });

  it('reads a file that begins with a byte order mark', async () => {
    await writeFile(path, `\ufeff${first.publicKeyPem}`);
    expect(await isKeyOf(await PemFileKeys.open(path), first)).toBe(true);
  });

  it('is well again when the very file is back that was away', async () => {
    const keys = await PemFileKeys.open(path);
    await rename(path, `${path}.away`);
    jest.advanceTimersByTime(1_000);
    expect(await keys.health()).toMatchObject({ up: false });
    await rename(`${path}.away`, path);
    jest.advanceTimersByTime(1_000);
    expect(await keys.health()).toEqual({ up: true });
  });

  it('reads every key of the file, each once, as while one takes the place of the other', async () => {
    const pkcs1 = first.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    await writeFile(path, `the old one\r\n${first.publicKeyPem}the new one\n${second.publicKeyPem}${pkcs1}`);
    const found = await (await PemFileKeys.open(path)).keysFor();
    expect(found.map((key) => key.export({ type: 'spki', format: 'pem' }))).toEqual([
      first.publicKeyPem,
      second.publicKeyPem,
    ]);
  });

  it('refuses a file of which a later key is cut off, and one with more keys than are tried', async () => {
    await writeFile(path, first.publicKeyPem + second.publicKeyPem.slice(0, 100));
    await expect(PemFileKeys.open(path)).rejects.toThrow('a key in it is cut off');
    const many = await Promise.all(Array.from({ length: 9 }, () => createTestKeys()));
    await writeFile(path, many.map(({ publicKeyPem }) => publicKeyPem).join(''));
    await expect(PemFileKeys.open(path)).rejects.toThrow('it holds 9 keys, at most 8 can be used');
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
  const [key, ...others] = await keys.keysFor();
  return key?.equals(expected.publicKey) === true && others.length === 0;
}
