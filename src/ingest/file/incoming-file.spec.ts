import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { BodySources } from '../../body/body-sources.service.js';
import { MemoryBudget } from '../../body/memory-budget.js';
import { SpoolFolder } from '../../body/spool-folder.service.js';
import { InlineContentHash } from '../../body/content-hash.js';
import { IncomingFile, type IncomingFileOptions } from './incoming-file.js';
import { MediaTypes } from './media-types.js';

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');

const bodies = new BodySources({
  memoryBytes: 1024 * 1024,
  budget: new MemoryBudget(64 * 1024 * 1024),
  folder: new SpoolFolder({ path: join(tmpdir(), 'ingester-incoming-file'), limitBytes: 0 }),
});
const begun: ReturnType<BodySources['begin']>[] = [];

afterEach(() => Promise.all(begun.splice(0).map((body) => body.dispose())));

function open(options: Partial<IncomingFileOptions> = {}): IncomingFile {
  const body = bodies.begin();
  begun.push(body);
  return new IncomingFile({
    body,
    hash: new InlineContentHash(),
    maxBytes: 1_000_000,
    mediaTypes: new MediaTypes([]),
    contentType: 'text/plain',
    ...options,
  });
}

const never = new AbortController().signal;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('IncomingFile', () => {
  it('hands on what is written, with its size and digest', async () => {
    const bytes = randomBytes(300_000);
    const file = open();
    const read = buffer(file.open(never));
    for (let at = 0; at < bytes.length; at += 50_000) file.write(bytes.subarray(at, at + 50_000));
    await file.end();
    expect((await read).equals(bytes)).toBe(true);
    expect(file.digest()).toEqual({ size: 300_000, sha256: sha256(bytes) });
  });

  it('knows no digest before its end', () => {
    expect(() => open().digest()).toThrow('not known');
  });

  it('can be read again from its first byte, also when it is larger than the memory', async () => {
    const bytes = randomBytes(3_000_000);
    const file = open({ maxBytes: 4_000_000 });
    const interrupted = new AbortController();
    const first = file.open(interrupted.signal).resume();
    first.on('error', () => undefined);
    for (let at = 0; at < bytes.length; at += 50_000) {
      file.write(bytes.subarray(at, at + 50_000));
      await file.backPressure;
    }
    interrupted.abort(new Error('the target failed'));
    const read = buffer(file.open(never));
    await file.end();
    expect((await read).equals(bytes)).toBe(true);
    expect(file.replayable).toBe(true);
  });

  it('refuses the byte that is one too many', () => {
    const file = open({ maxBytes: 10 });
    file.write(Buffer.alloc(10));
    expect(() => file.write(Buffer.alloc(1))).toThrow('FILE_TOO_LARGE');
  });

  it('says that it has begun with its first byte, or at its end where it has none', async () => {
    const lengths: string[] = [];
    const [file, empty] = [open(), open()];
    void file.whenBegun.then(() => lengths.push(`${file.length}`));
    void empty.whenBegun.then(() => lengths.push(`${empty.length}`));
    await setImmediate();
    expect(lengths).toEqual([]);
    file.write(Buffer.from('x'));
    await setImmediate();
    expect(lengths).toEqual(['undefined']);
    const read = buffer(empty.open(never));
    await empty.end();
    await setImmediate();
    expect(lengths).toEqual(['undefined', '0']);
    expect(empty.digest()).toEqual({ size: 0, sha256: sha256(await read) });
    await file.end();
    expect(file.length).toBe(1);
  });

  it('does not end its stream when the bytes are not the declared ones', async () => {
    const file = open({ declaredSha256: sha256(Buffer.from('other')) });
    const read = buffer(file.open(never));
    file.write(Buffer.from('bytes'));
    const failure = await file.end().catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'DIGEST_MISMATCH' });
    file.fail(failure as Error);
    await expect(read).rejects.toBe(failure);
  });

  it('fails its reader with the error of its writer', async () => {
    const file = open();
    const read = buffer(file.open(never));
    file.write(Buffer.from('x'));
    const error = new Error('gone');
    file.fail(error);
    await expect(read).rejects.toBe(error);
  });

  describe('with an allow-list', () => {
    const mediaTypes = new MediaTypes(['image/*', 'text/plain']);

    it('hands on a file whose bytes are of an allowed type, in order', async () => {
      const bytes = Buffer.concat([PNG, Buffer.from('00001000'), randomBytes(20_000)]);
      const file = open({ mediaTypes, contentType: 'image/png' });
      const read = buffer(file.open(never));
      for (let at = 0; at < bytes.length; at += 1_000) file.write(bytes.subarray(at, at + 1_000));
      await file.end();
      expect((await read).equals(bytes)).toBe(true);
    });

    it('hands on a file without a signature that is shorter than what is looked at', async () => {
      const file = open({ mediaTypes });
      const read = buffer(file.open(never));
      file.write(Buffer.from('hello'));
      await file.end();
      expect((await read).toString()).toBe('hello');
    });

    it.each([10, 20_000])('hands on no byte of %i when the bytes are of another type', async (size) => {
      const file = open({ mediaTypes });
      const seen: Buffer[] = [];
      file.open(never).on('data', (chunk: Buffer) => seen.push(chunk));
      file.write(Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(size)]));
      const failure = file.backPressure ?? file.end();
      await expect(failure).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
      expect(seen).toEqual([]);
    });
  });
});
