import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  bodyInHand,
  bodyOf,
  bodyOfBytes,
  describedFile,
  MIB,
  randomSource,
  wholeBody,
} from '../support/file-bodies.js';
import type { FileBody } from '../../src/storage/storage-element.js';
import { httpElementFixture } from './http-element-fixture.js';

const never = new AbortController().signal;

const SMALL: [string, (text: string) => FileBody][] = [
  ['streamed', bodyOfBytes],
  ['whole', wholeBody],
];

describe('HttpStorageElement', () => {
  const fixture = httpElementFixture();

  describe('when time passes', () => {
    it('blames an element that stops taking bytes', async () => {
      fixture.server.options.fault = { kind: 'stall', afterBytes: MIB };
      const startedAt = performance.now();
      const put = fixture
        .elementWith({ stallMs: 300 })
        .put(describedFile(), bodyOf(randomSource(256 * MIB)), never);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
      expect(performance.now() - startedAt).toBeLessThan(5000);
    });

    it('does not blame an element for a client that sends nothing', async () => {
      const { source, body } = bodyInHand();
      const put = fixture.elementWith({ stallMs: 700 }).put(describedFile(), body, never);
      await setTimeout(1000);
      source.write(Buffer.alloc(MIB));
      await setTimeout(1000);
      source.end('the rest');
      await expect(put).resolves.toMatchObject({ size: MIB + 8 });
    });

    it('does not blame a client that paused for the stall that follows', async () => {
      fixture.server.options.fault = { kind: 'stall', afterBytes: MIB };
      const { source, body } = bodyInHand();
      const put = fixture.elementWith({ stallMs: 150 }).put(describedFile(), body, never);
      put.catch(() => undefined);
      source.write('a little');
      await setTimeout(400);
      randomSource(64 * MIB).pipe(source);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
    });

    it('bears with an element that is slow but steady', async () => {
      fixture.server.options.fault = { kind: 'slow', bytesPerSecond: 8 * MIB };
      const put = fixture
        .elementWith({ stallMs: 3000 })
        .put(describedFile(), bodyOf(randomSource(12 * MIB)), never);
      await expect(put).resolves.toMatchObject({ size: 12 * MIB });
    });

    it('blames an element that takes what we have too slowly', async () => {
      fixture.server.options.fault = { kind: 'slow', bytesPerSecond: 4 * MIB };
      const put = fixture
        .elementWith({ minBytesPerSecond: 32 * MIB, rateWindowMs: 400 })
        .put(describedFile(), bodyOf(randomSource(32 * MIB)), never);
      await expect(put).rejects.toMatchObject({
        code: 'STORAGE_TIMEOUT',
        detail: 'The storage element takes the file too slowly.',
      });
    });

    it('does not blame an element for a client that sends slowly, not even one that could be no faster', async () => {
      fixture.server.options.fault = { kind: 'slow', bytesPerSecond: 8 * MIB };
      const { source, body } = bodyInHand();
      const put = fixture
        .elementWith({ minBytesPerSecond: 32 * MIB, rateWindowMs: 500 })
        .put(describedFile(), body, never);
      for (let chunk = 0; chunk < 16; chunk += 1) {
        source.write(Buffer.alloc(MIB / 16));
        await setTimeout(60);
      }
      source.end();
      await expect(put).resolves.toMatchObject({ size: MIB });
    });

    it('begins to wait for the confirmation only when the last byte is out', async () => {
      fixture.server.options.fault = { kind: 'hang' };
      const { source, body } = bodyInHand();
      const put = fixture.elementWith({ commitMs: 300 }).put(describedFile(), body, never);
      const outcome = put.catch((error: unknown) => error);
      source.write(Buffer.alloc(MIB));
      await setTimeout(500);
      source.end('the rest');
      const endedAt = performance.now();
      expect(await outcome).toMatchObject({ code: 'STORAGE_TIMEOUT' });
      expect(performance.now() - endedAt).toBeGreaterThan(290);
    });

    it('reads no further ahead of a slow element than the system buffers', async () => {
      fixture.server.options.fault = { kind: 'stall', afterBytes: 0 };
      let taken = 0;
      const source = randomSource(256 * MIB).on('data', (chunk: Buffer) => (taken += chunk.length));
      const put = fixture.elementWith({ stallMs: 500 }).put(describedFile(), bodyOf(source), never);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
      expect(taken).toBeLessThan(16 * MIB);
    });

    it.each(SMALL)(
      'does not wait for ever for a confirmation of a body that is %s',
      async (_how, bodyOfText) => {
        fixture.server.options.fault = { kind: 'hang' };
        const startedAt = performance.now();
        const put = fixture.elementWith({ commitMs: 300 }).put(describedFile(), bodyOfText('hello'), never);
        await expect(put).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
        expect(performance.now() - startedAt).toBeGreaterThan(290);
      },
    );

    it('gives a large file more time to be confirmed', async () => {
      fixture.server.options.fault = { kind: 'hang' };
      const startedAt = performance.now();
      const put = fixture
        .elementWith({ commitMs: 10 })
        .put(describedFile(), bodyOf(randomSource(25 * MIB)), never);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
      expect(performance.now() - startedAt).toBeGreaterThan(490);
    });

    it('does not wait for other answers for ever', async () => {
      fixture.server.options.delayMs = 2000;
      const element = fixture.elementWith({ requestMs: 100 });
      await expect(element.stat('some-id')).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
      await expect(element.remove('some-id')).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
      expect(await element.health()).toEqual({ up: false, reason: expect.stringContaining('in time') });
    });

    it.each(SMALL)(
      'ends an upload at once that is aborted while it waits for a connection, %s',
      async (_how, bodyOfText) => {
        fixture.server.options.fault = { kind: 'hang' };
        const element = fixture.elementWith({ maxConnections: 1, commitMs: 1000 });
        const first = element.put(describedFile(), bodyOfText('hello'), never);
        first.catch(() => undefined);
        const controller = new AbortController();
        const queued = element.put(describedFile(), bodyOfText('hello'), controller.signal);
        await setTimeout(100);
        controller.abort(new Error('gone'));
        await expect(queued).rejects.toThrow('gone');
        await expect(first).rejects.toMatchObject({ code: 'STORAGE_TIMEOUT' });
        expect(fixture.server.uploads).toHaveLength(1);
      },
    );
  });
});
