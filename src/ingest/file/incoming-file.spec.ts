import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { BodySources } from '../../body/body-sources.service.js';
import { BodyHashes } from '../../body/body-hashes.service.js';
import { DigestCheck } from '../../body/digest-check.js';
import { MemoryBudget } from '../../body/memory-budget.js';
import { SpoolFolder } from '../../body/spool-folder.service.js';
import { readUploadFields } from '../upload-fields.js';
import type { FileHead } from '../upload-source.js';
import { MAX_WHOLE_BYTES } from '../whole-files.js';
import { IncomingFile } from './incoming-file.js';
import { MediaTypes } from './media-types.js';

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
/** Small enough to be waited for, and too large for that. */
const SIZES = [10_000, 300_000];

const budget = new MemoryBudget(64 * 1024 * 1024);
const bodies = new BodySources({
  memoryBytes: 1024 * 1024,
  budget,
  folder: new SpoolFolder({ path: join(tmpdir(), 'ingester-incoming-file'), limitBytes: 0 }),
});
const hashes = new BodyHashes();
const opened: IncomingFile[] = [];

afterEach(() => Promise.all(opened.splice(0).map((file) => file.dispose())));
afterAll(() => hashes.onApplicationShutdown());

interface Given extends Partial<FileHead> {
  readonly maxBytes?: number;
  readonly mediaTypes?: MediaTypes;
}

function open({ maxBytes = 4_000_000, mediaTypes = new MediaTypes([]), ...head }: Given = {}): IncomingFile {
  const file = new IncomingFile({
    places: { bodies, hashes, mediaTypes },
    maxBytes,
    head: { contentType: 'text/plain', fields: readUploadFields(new Map()), ...head },
  });
  opened.push(file);
  return file;
}

/** What a reader gets who begins as soon as he can. */
function readerOf(file: IncomingFile): Promise<Buffer> {
  const read = file.whenBegun.then(() => buffer(file.open(never)));
  read.catch(() => undefined);
  return read;
}

async function write(file: IncomingFile, bytes: Buffer, step = 50_000): Promise<void> {
  for (let at = 0; at < bytes.length; at += step) {
    file.write(bytes.subarray(at, at + step));
    await file.backPressure;
  }
}

const never = new AbortController().signal;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('IncomingFile', () => {
  it.each([0, 1, ...SIZES, MAX_WHOLE_BYTES, MAX_WHOLE_BYTES + 1])(
    'hands on what is written, with its size and digest, of %d bytes',
    async (size) => {
      const bytes = randomBytes(size);
      for (const declared of [{}, { length: size }, { expectedLength: size + 2 }]) {
        const file = open(declared);
        const read = readerOf(file);
        await write(file, bytes, 7_000);
        await file.end();
        expect((await read).equals(bytes)).toBe(true);
        expect(file.digest()).toEqual({ size, sha256: sha256(bytes) });
        expect([file.length, file.complete, file.replayable]).toEqual([size, true, true]);
      }
    },
  );

  it('is whole where it is small, and can be read at any time', async () => {
    const bytes = randomBytes(10_000);
    const [small, large] = [open(), open()];
    await write(small, bytes, 3_000);
    await write(large, randomBytes(300_000));
    await Promise.all([small.end(), large.end()]);
    expect([small.whole?.equals(bytes), large.whole]).toEqual([true, undefined]);
    for (let times = 0; times < 2; times += 1)
      expect((await buffer(small.open(never))).equals(bytes)).toBe(true);
  });

  it('gives parts of what has come, while more comes', async () => {
    const bytes = randomBytes(3_000_000);
    const [small, large] = [open(), open()];
    await write(small, bytes.subarray(0, 10_000));
    await small.end();
    await write(large, bytes);
    const read = async (file: IncomingFile, from: number, size: number): Promise<Buffer> =>
      buffer(file.ranges?.read(from, size, never) ?? Readable.from([]));
    const [ofSmall, ofLarge] = await Promise.all([
      read(small, 2_000, 3_000),
      read(large, 1_000_000, 1_500_000),
    ]);
    expect(ofSmall.equals(bytes.subarray(2_000, 5_000))).toBe(true);
    expect(ofLarge.equals(bytes.subarray(1_000_000, 2_500_000))).toBe(true);
    await Promise.all([small.dispose(), large.dispose()]);
  });

  it('knows no digest before its end', () => {
    expect(() => open().digest()).toThrow('not known');
  });

  it('can be read again from its first byte, also when it is larger than the memory', async () => {
    const bytes = randomBytes(3_000_000);
    const file = open();
    const interrupted = new AbortController();
    file.write(bytes.subarray(0, 100_000));
    file
      .open(interrupted.signal)
      .resume()
      .on('error', () => undefined);
    await write(file, bytes.subarray(100_000));
    interrupted.abort(new Error('the target failed'));
    const read = readerOf(file);
    await file.end();
    expect((await read).equals(bytes)).toBe(true);
    expect(file.replayable).toBe(true);
  });

  it('refuses the byte that is one too many', () => {
    const file = open({ maxBytes: 10 });
    file.write(Buffer.alloc(10));
    expect(() => file.write(Buffer.alloc(1))).toThrow('FILE_TOO_LARGE');
  });

  it('begins with a byte where it is known to be large, or turns out so, else at its end', async () => {
    const begun: string[] = [];
    const files = {
      declared: open({ length: 300_000 }),
      growing: open(),
      small: open({ length: 3 }),
      empty: open(),
    };
    for (const [name, file] of Object.entries(files)) void file.whenBegun.then(() => begun.push(name));
    files.declared.write(Buffer.from('x'));
    for (const file of [files.growing, files.small]) file.write(Buffer.from('abc'));
    await setImmediate();
    expect(begun).toEqual(['declared']);
    files.growing.write(Buffer.alloc(MAX_WHOLE_BYTES));
    await setImmediate();
    expect(begun).toEqual(['declared', 'growing']);
    await Promise.all([files.small.end(), files.empty.end()]);
    await setImmediate();
    expect(begun.toSorted()).toEqual(['declared', 'empty', 'growing', 'small']);
  });

  it.each(SIZES)('does not end its stream when %d bytes are not the declared ones', async (size) => {
    const other = { algorithm: 'sha256', hex: sha256(Buffer.from('other')) } as const;
    const file = open({ digests: new DigestCheck({ make: [], declared: () => [other] }) });
    let isRead = false;
    void readerOf(file).then(
      () => (isRead = true),
      () => undefined,
    );
    await write(file, randomBytes(size));
    const failure = await file.end().catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'DIGEST_MISMATCH' });
    file.fail(failure as Error);
    await setImmediate();
    expect([isRead, file.complete]).toEqual([false, false]);
  });

  it.each(SIZES)('shows %d bytes, and their digest, to who checks them', async (size) => {
    const bytes = randomBytes(size);
    const digests = new DigestCheck({ make: ['sha512'], declared: () => [] });
    const file = open({ digests });
    const read = readerOf(file);
    await write(file, bytes);
    await file.end();
    await read;
    expect(digests.digestOf('sha256')).toBe(sha256(bytes));
    expect(digests.digestOf('sha512')).toBe(createHash('sha512').update(bytes).digest('hex'));
  });

  it('fails its reader with the error of its writer', async () => {
    const file = open({ length: 300_000 });
    file.write(Buffer.from('x'));
    const read = buffer(file.open(never));
    const error = new Error('gone');
    file.fail(error);
    await expect(read).rejects.toBe(error);
    expect(file.replayable).toBe(false);
  });

  it.each(SIZES)(
    'holds nothing any more of %d bytes once it is disposed of, whatever still comes',
    async (size) => {
      const before = budget.usedBytes;
      const [ended, cut] = [open(), open()];
      for (const file of [ended, cut]) await write(file, randomBytes(size));
      await ended.end();
      await Promise.all([ended.dispose(), cut.dispose()]);
      cut.write(randomBytes(300_000));
      await expect(cut.end()).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
      expect(budget.usedBytes).toBe(before);
    },
  );

  describe('with an allow-list', () => {
    const mediaTypes = new MediaTypes(['image/*', 'text/plain']);

    it.each(SIZES)('hands on %d bytes that are of an allowed type, in order', async (size) => {
      const bytes = Buffer.concat([PNG, Buffer.from('00001000'), randomBytes(size)]);
      const file = open({ mediaTypes, contentType: 'image/png' });
      const read = readerOf(file);
      await write(file, bytes, 1_000);
      await file.end();
      expect((await read).equals(bytes)).toBe(true);
    });

    it('hands on a file without a signature that is shorter than what is looked at', async () => {
      const file = open({ mediaTypes });
      const read = readerOf(file);
      file.write(Buffer.from('hello'));
      await file.end();
      expect((await read).toString()).toBe('hello');
    });

    it.each([10, 20_000, 200_000])(
      'hands on no byte of %i when the bytes are of another type',
      async (size) => {
        const file = open({ mediaTypes });
        const seen: Buffer[] = [];
        void file.whenBegun.then(() => file.open(never).on('data', (chunk: Buffer) => seen.push(chunk)));
        file.write(Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(size)]));
        const failure = file.backPressure ?? file.end();
        await expect(failure).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
        await setImmediate();
        expect([seen, file.complete]).toEqual([[], false]);
      },
    );
  });
});
