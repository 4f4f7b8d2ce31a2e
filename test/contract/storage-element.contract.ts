import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ContentDigest, FileBody, StorageElement } from '../../src/storage/storage-element.js';
import {
  bodyInHand,
  bodyOfBytes,
  describedFile,
  type FileBodies,
  MIB,
  randomSource,
  STREAMED,
  wholeBody,
} from '../support/file-bodies.js';

/** An element with a driver under test, and a look behind it. */
export interface Subject {
  readonly element: StorageElement;
  /** How it is given large bodies; absent: as streams. */
  readonly bodies?: FileBodies;
  /** What it really has. */
  finishedFiles(): Promise<ContentDigest[]>;
  /** Bytes that it has taken of the upload under way. */
  takenBytes(): number;
  /** Traces of uploads that did not finish. */
  leftOvers(): Promise<string[]>;
  /** Makes the element unusable. */
  breakDown(): Promise<void>;
  dispose(): Promise<void>;
}

/** Time in which an abort shows: far below every timeout of the drivers under test. */
const PROMPT_MS = 4_000;

/** Our own buffers and those of the system, which grow with the speed of a connection. */
const AHEAD_BYTES = 16 * MIB;

const BIG_BYTES = 64 * MIB + 17;

const never = new AbortController().signal;

const SMALL: [string, (text: string) => FileBody][] = [
  ['streamed', bodyOfBytes],
  ['here whole', wholeBody],
];

/** What every driver of the port promises. */
export function storageElementContract(name: string, createSubject: () => Promise<Subject>): void {
  describe(`${name} as a storage element`, () => {
    let current: Subject | undefined;
    const subject = (): Subject => {
      if (!current) throw new Error('the element is there only during a test');
      return current;
    };

    beforeEach(async () => {
      current = await createSubject();
    });

    afterEach(() => subject().dispose());

    keepsFiles(subject);
    describe.each(SMALL)('of a file that is %s', (_how, bodyOfText) => {
      keepsSmallFiles(subject, bodyOfText);
    });
    keepsNames(subject);
    storesBigFiles(subject);
    failsWithTheBody(subject);
    takesACloseForALostClient(subject);
    endsWithTheSignal(subject);
    saysWhatItHas(subject);
  });
}

function bodiesOf({ bodies = STREAMED }: Subject): FileBodies {
  return bodies;
}

function keepsSmallFiles(subject: () => Subject, bodyOfText: (text: string) => FileBody): void {
  it('stores it, knows it, and removes it', async () => {
    const { element } = subject();
    const file = describedFile({ tags: ['a', 'b'], description: 'one', metadata: { project: 'x' } });
    const body = bodyOfText('hello');
    const stored = await element.put(file, body, never);
    expect(stored).toMatchObject({ fileId: file.fileId, ...body.digest(), originalFilename: 'a.txt' });
    expect(await element.stat(stored.fileId)).toMatchObject({ fileId: file.fileId, ...body.digest() });
    await element.remove(stored.fileId);
    expect(await element.stat(stored.fileId)).toBeUndefined();
    expect(await subject().finishedFiles()).toEqual([]);
    await element.remove(stored.fileId);
  });

  it('stores an empty one', async () => {
    const { element } = subject();
    expect(element.acceptsEmptyFiles).toBe(true);
    const empty = await element.put(describedFile(), bodyOfText(''), never);
    expect(await element.stat(empty.fileId)).toMatchObject({ size: 0, sha256: empty.sha256 });
  });
}

function keepsFiles(subject: () => Subject): void {
  it('stores a permanent file of nobody by name', async () => {
    const file = describedFile({ retentionPolicy: 'permanent', ttlDays: null, uploadedByUsername: null });
    await expect(subject().element.put(file, bodyOfBytes('hello'), never)).resolves.toMatchObject({
      size: 5,
    });
  });

  it('stores a file whose length is not known', async () => {
    const { element } = subject();
    const { source, body } = bodiesOf(subject()).inHand();
    const put = element.put(describedFile(), body, never);
    source.write('one ');
    await setTimeout(20);
    source.end('two');
    await expect(put).resolves.toMatchObject({ size: 7 });
  });

  it('stores files side by side', async () => {
    const { element } = subject();
    const bodies = Array.from({ length: 20 }, (_, index) =>
      bodiesOf(subject()).of(randomSource(100_000 + index)),
    );
    await Promise.all(bodies.map((body) => element.put(describedFile(), body, never)));
    const sizes = (await subject().finishedFiles()).map(({ size }) => size).toSorted((a, b) => a - b);
    expect(sizes).toEqual(bodies.map((body) => body.digest().size));
  });
}

function keepsNames(subject: () => Subject): void {
  it.each([
    'привет, 世界 🎉.txt',
    'a "quoted" name.txt',
    'line\r\nContent-Type: text/html\r\n\r\nbreak.txt',
    '../../../etc/passwd',
    '100%.txt',
    `${'long'.repeat(60)}.txt`,
  ])('keeps the name %j as it was given', async (originalFilename) => {
    const { element } = subject();
    const file = describedFile({ originalFilename });
    const stored = await element.put(file, bodyOfBytes('hello'), never);
    expect(stored.originalFilename).toBe(originalFilename);
    expect(await element.stat(stored.fileId)).toMatchObject({ originalFilename, size: 5 });
  });
}

function storesBigFiles(subject: () => Subject): void {
  it('gives the size and digest of a big file as they went through', async () => {
    const body = bodiesOf(subject()).of(randomSource(BIG_BYTES));
    const stored = await subject().element.put(describedFile(), body, never);
    expect(stored).toMatchObject({ size: BIG_BYTES, sha256: body.digest().sha256 });
    expect(await subject().finishedFiles()).toEqual([body.digest()]);
  });

  it('reads little further than the element has taken', async () => {
    let taken = 0;
    let ahead = 0;
    const source = randomSource(40 * MIB).on('data', (chunk: Buffer) => {
      taken += chunk.length;
      ahead = Math.max(ahead, taken - subject().takenBytes());
    });
    await subject().element.put(describedFile(), bodiesOf(subject()).of(source), never);
    expect(ahead).toBeLessThan(AHEAD_BYTES);
  });
}

function failsWithTheBody(subject: () => Subject): void {
  it.each([
    ['before its first byte', 0],
    ['after its first bytes', 1000],
    ['in the middle of a large file', 3 * MIB],
  ])('fails with the error of a stream that breaks %s and leaves nothing', async (_when, size) => {
    const { source, body, fail } = bodiesOf(subject()).inHand();
    const put = subject().element.put(describedFile(), body, never);
    const broken = new Error('the client sent nonsense');
    source.write(Buffer.alloc(size, 'x'));
    await setTimeout(50);
    fail(broken);
    await expect(put).rejects.toBe(broken);
    await expectNothingLeft(subject());
  });

  it('fails with the error of a stream that was broken before', async () => {
    const { body, fail } = bodiesOf(subject()).inHand();
    const broken = new Error('too late');
    fail(broken);
    await setTimeout(10);
    await expect(subject().element.put(describedFile(), body, never)).rejects.toBe(broken);
    await expectNothingLeft(subject());
  });

  it.each([
    ['fewer', 4],
    ['more', 6],
  ])('refuses a file of %s bytes than were declared', async (_which, size) => {
    const { source, body } = bodiesOf(subject()).inHand(5);
    source.end('x'.repeat(size));
    await expect(subject().element.put(describedFile(), body, never)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
    await expectNothingLeft(subject());
  });
}

function takesACloseForALostClient(subject: () => Subject): void {
  it('takes a stream that is closed before its end for a client that left', async () => {
    const { source, body } = bodyInHand();
    const put = subject().element.put(describedFile(), body, never);
    source.write('some');
    await setTimeout(20);
    body.stream.destroy();
    await expect(put).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
    await expectNothingLeft(subject());
  });
}

function endsWithTheSignal(subject: () => Subject): void {
  it('ends an aborted upload at once with the reason and leaves nothing', async () => {
    const { source, body } = bodiesOf(subject()).inHand();
    const controller = new AbortController();
    const put = subject().element.put(describedFile(), body, controller.signal);
    source.write(Buffer.alloc(MIB));
    await setTimeout(100);
    const reason = new Error('the client went away');
    const abortedAt = performance.now();
    controller.abort(reason);
    await expect(put).rejects.toBe(reason);
    expect(performance.now() - abortedAt).toBeLessThan(PROMPT_MS);
    await expectNothingLeft(subject());
  });

  it('begins nothing when it is aborted before', async () => {
    const reason = new Error('gone');
    const put = subject().element.put(describedFile(), bodyOfBytes('x'), AbortSignal.abort(reason));
    await expect(put).rejects.toBe(reason);
    await expectNothingLeft(subject());
  });

  it('leaves the stream of a failed upload to its owner', async () => {
    const { body } = bodyInHand();
    const controller = new AbortController();
    const put = subject().element.put(describedFile(), body, controller.signal);
    await setTimeout(20);
    controller.abort(new Error('gone'));
    await expect(put).rejects.toThrow('gone');
    expect(body.stream.destroyed).toBe(false);
    expect(body.stream.listenerCount('data')).toBe(0);
  });

  it('keeps no listener on the signal of a finished upload', async () => {
    const { signal } = new AbortController();
    const counted = countListeners(signal);
    await subject().element.put(describedFile(), bodyOfBytes('x'), signal);
    await setTimeout(10);
    expect(counted()).toBe(0);
  });
}

function saysWhatItHas(subject: () => Subject): void {
  it('knows no file of an unknown id, and removes none', async () => {
    expect(await subject().element.stat(randomUUID())).toBeUndefined();
    await expect(subject().element.remove(randomUUID())).resolves.toBeUndefined();
  });

  it.each(['../../etc/passwd', '..', '', 'a/b', 'a\r\nb'])('knows no file of the id %j', async (id) => {
    expect(await subject().element.stat(id)).toBeUndefined();
    await expect(subject().element.remove(id)).resolves.toBeUndefined();
  });

  it('is up', async () => {
    expect(await subject().element.health()).toEqual({ up: true });
  });

  it('says that it is down, and fails', async () => {
    await subject().breakDown();
    expect(await subject().element.health()).toEqual({ up: false, reason: expect.any(String) });
    const put = subject().element.put(describedFile(), bodyOfBytes('x'), never);
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
}

async function expectNothingLeft(subject: Subject): Promise<void> {
  const deadline = performance.now() + PROMPT_MS;
  while ((await subject.leftOvers()).length > 0 && performance.now() < deadline) await setTimeout(10);
  expect(await subject.leftOvers()).toEqual([]);
  expect(await subject.finishedFiles()).toEqual([]);
}

/** Counts what listens to `signal` from now on. */
function countListeners(signal: AbortSignal): () => number {
  const added = jest.spyOn(signal, 'addEventListener');
  const removed = jest.spyOn(signal, 'removeEventListener');
  return () => added.mock.calls.length - removed.mock.calls.length;
}
