import { setTimeout } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { storeVerified } from '../../src/storage/verified-storing.js';
import { describe, expect, it } from '@jest/globals';
import { bodyOf, bodyOfBytes, describedFile, MIB, randomSource } from '../support/file-bodies.js';
import { httpElementFixture } from './http-element-fixture.js';

const never = new AbortController().signal;

describe('HttpStorageElement', () => {
  const fixture = httpElementFixture();

  Logger.overrideLogger(false);

  describe('when the element acknowledges what we did not send', () => {
    it.each(['wrong-checksum', 'wrong-size'] as const)('fails with %s and removes the file', async (kind) => {
      fixture.server.options.fault = { kind };
      const stored = storeVerified(fixture.elementWith(), describedFile(), {
        body: bodyOfBytes('hello'),
        signal: never,
      });
      await expect(stored).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect(fixture.server.uploads).toMatchObject([{ state: 'finished' }]);
      expect(fixture.server.files.size).toBe(0);
    });
  });

  describe('when the element refuses', () => {
    it.each([
      [507, '{"detail":"Insufficient storage"}', 'STORAGE_FULL'],
      [500, '{"detail":"[Errno 28] No space left on device"}', 'STORAGE_FULL'],
      [500, '{"detail":"the house is full"}', 'STORAGE_FAILED'],
      [400, '{"detail":"wrong mode"}', 'STORAGE_FAILED'],
      [409, '{"error":{"code":"MODE"}}', 'STORAGE_FAILED'],
      [413, '', 'FILE_TOO_LARGE'],
      [503, '', 'STORAGE_FAILED'],
    ])('takes a late %i %s for %s', async (status, body, code) => {
      fixture.server.options.fault = { kind: 'answer', status, body };
      const put = fixture.elementWith().put(describedFile(), bodyOf(randomSource(3 * MIB)), never);
      await expect(put).rejects.toMatchObject({ code, cause: { statusCode: status } });
    });

    it.each([
      [507, 'STORAGE_FULL'],
      [413, 'FILE_TOO_LARGE'],
      [401, 'STORAGE_FAILED'],
    ])('understands a %i in the middle of the file and reads no more of it', async (status, code) => {
      fixture.server.options.fault = { kind: 'answer', status, body: '{"detail":"no"}', afterBytes: MIB };
      let taken = 0;
      const source = randomSource(256 * MIB).on('data', (chunk: Buffer) => (taken += chunk.length));
      const put = fixture.elementWith().put(describedFile(), bodyOf(source), never);
      await expect(put).rejects.toMatchObject({ code, cause: { statusCode: status } });
      const takenThen = taken;
      await setTimeout(100);
      expect(taken - takenThen).toBeLessThan(MIB);
      expect(taken).toBeLessThan(64 * MIB);
    });

    it('does not believe in a file that was confirmed before its end', async () => {
      const body = JSON.stringify({ file_id: 'some-id', size: 5, checksum: '0'.repeat(64) });
      fixture.server.options.fault = { kind: 'answer', status: 201, body, afterBytes: MIB };
      const put = fixture.elementWith().put(describedFile(), bodyOf(randomSource(64 * MIB)), never);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    });

    it.each([
      ['no JSON', '<html>It works!</html>'],
      ['nothing', ''],
      ['an empty receipt', '{}'],
      ['no size', '{"file_id":"a"}'],
      ['an id that is a path', '{"file_id":"../a","size":5}'],
      ['a checksum that is none', '{"file_id":"a","size":5,"checksum":"md5"}'],
      ['more than a receipt', `{"file_id":"a","size":5,"message":"${'x'.repeat(100_000)}"}`],
    ])('fails when it answers 201 with %s', async (_what, body) => {
      fixture.server.options.fault = { kind: 'answer', status: 201, body };
      const put = fixture.elementWith().put(describedFile(), bodyOfBytes('hello'), never);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    });

    it.each([0, 5 * MIB])('fails when it resets the connection after %i bytes', async (afterBytes) => {
      fixture.server.options.fault = { kind: 'reset', afterBytes };
      const put = fixture.elementWith().put(describedFile(), bodyOf(randomSource(64 * MIB)), never);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    });

    it('takes an error of stat and remove for what it is, and a 503 of its health for down', async () => {
      fixture.server.options.acceptedTokens = [];
      fixture.server.options.readyStatus = 503;
      const element = fixture.elementWith();
      await expect(element.stat('some-id')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      await expect(element.remove('some-id')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect(await element.health()).toEqual({ up: false, reason: 'answered 503' });
    });
  });
});
