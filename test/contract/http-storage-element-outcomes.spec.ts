import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '../../src/errors/service-error.js';
import { classifyFailure, STORAGE_CODES } from '../../src/outbound/classify-failure.js';
import { HttpStorageElement } from '../../src/storage/drivers/http/http-storage-element.js';
import type { FileBody } from '../../src/storage/storage-element.js';
import { bodyOf, describedFile, MIB, randomSource, wholeBody } from '../support/file-bodies.js';
import { listen, shut } from '../support/local-server.js';
import { NO_TOKENS, SETTINGS } from './http-element-fixture.js';

const never = new AbortController().signal;
const FAILED = { verdict: 'failure', retry: 'again' };
const LOST = { ...FAILED, mayHaveSucceeded: true };
const NOT_REACHED = { ...FAILED, nothingSent: true };

/** Only for elements that say nothing: with others, a test that is held up would look like one. */
const IMPATIENT = { ...SETTINGS, commitMs: 200, stallMs: 300 };

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** Behaves so when the whole request has come. */
function afterwards(behaviour: Behaviour): Behaviour {
  return (request, response) => request.resume().once('end', () => behaviour(request, response));
}

function answer(status: number, headers: Record<string, string> = {}): Behaviour {
  return (_request, response) => response.writeHead(status, headers).end('{}');
}

const reset: Behaviour = ({ socket }) => socket.resetAndDestroy();

/** Files that an element may have as a whole. */
const COMPLETE: [string, () => FileBody][] = [
  ['streamed', () => bodyOf(randomSource(MIB))],
  ['here whole', () => wholeBody(randomBytes(20_000))],
];

describe.each(COMPLETE)('what becomes of an upload by HTTP that is %s', (_how, complete) => {
  const servers: ReturnType<typeof createServer>[] = [];
  const elements: HttpStorageElement[] = [];

  afterEach(async () => {
    await Promise.all(elements.splice(0).map((element) => element.close()));
    await Promise.all(servers.splice(0).map(shut));
  });

  async function serve(behaviour: Behaviour): Promise<string> {
    const server = createServer(behaviour);
    servers.push(server);
    return listen(server);
  }

  async function outcomeAt(url: string, body = complete(), settings = SETTINGS): Promise<unknown> {
    return classifyFailure(await errorAt(url, body, never, settings), STORAGE_CODES);
  }

  async function errorAt(
    url: string,
    body: FileBody,
    signal: AbortSignal,
    settings = SETTINGS,
  ): Promise<unknown> {
    const element = new HttpStorageElement({ ...settings, url }, NO_TOKENS);
    elements.push(element);
    try {
      return await element.put(describedFile(), body, signal);
    } catch (error) {
      return error;
    }
  }

  const large = (): FileBody => bodyOf(randomSource(64 * MIB));

  it('says that nothing was sent where nobody listens or there is no such host', async () => {
    const url = await serve(reset);
    await Promise.all(servers.map(shut));
    expect(await outcomeAt(url)).toEqual(NOT_REACHED);
    expect(await outcomeAt('http://nowhere.invalid')).toEqual(NOT_REACHED);
  });

  it.each([
    ['a reset at the first byte', (request: IncomingMessage) => request.socket.resetAndDestroy()],
    [
      'a reset in the middle',
      (request: IncomingMessage) => once(request, 'data').then(() => request.socket.resetAndDestroy()),
    ],
  ])('says that the file cannot be there after %s', async (_what, behaviour) => {
    const url = await serve((request) => void behaviour(request));
    expect(await outcomeAt(url, large())).toEqual(FAILED);
  });

  it('says that the file cannot be there after a stall', async () => {
    expect(await outcomeAt(await serve(() => undefined), large(), IMPATIENT)).toEqual(FAILED);
  });

  it('says that the file may be there after silence at the end', async () => {
    const url = await serve(afterwards(() => undefined));
    expect(await outcomeAt(url, complete(), IMPATIENT)).toEqual(LOST);
  });

  it.each([
    ['a reset', reset],
    ['an early close', ({ socket }: IncomingMessage) => socket.end()],
    ['half an answer', (_: IncomingMessage, response: ServerResponse) => halfAnswer(response)],
    ['what is not understood', answer(201)],
    ['500', answer(500)],
    ['502', answer(502)],
    ['504', answer(504)],
  ] satisfies [string, Behaviour][])(
    'says that the file may be there after %s at the end',
    async (_what, behaviour) => {
      expect(await outcomeAt(await serve(afterwards(behaviour)), complete())).toEqual(LOST);
    },
  );

  it.each(['DEADLINE_EXCEEDED', 'CLIENT_CLOSED_REQUEST', 'SHUTTING_DOWN'] as const)(
    'says of %s that the file may be there only when its last byte was out',
    async (code) => {
      const reason = new ServiceError(code, 'Over.', { retryAfterMs: 5 });
      const ended = new AbortController();
      const url = await serve(afterwards(() => ended.abort(reason)));
      const error = await errorAt(url, complete(), ended.signal);
      expect(error).toMatchObject({ code, detail: 'Over.', options: { retryAfterMs: 5 } });
      expect(classifyFailure(error, STORAGE_CODES)).toEqual({
        verdict: 'neutral',
        retry: 'never',
        mayHaveSucceeded: true,
      });

      const early = new AbortController();
      const stalled = await serve((request) => void once(request, 'data').then(() => early.abort(reason)));
      expect(await errorAt(stalled, large(), early.signal)).toBe(reason);
    },
  );

  it.each([429, 503])('says when to come again after %i', async (status) => {
    const url = await serve(afterwards(answer(status, { 'retry-after': '7' })));
    expect(await outcomeAt(url)).toEqual({
      verdict: 'neutral',
      retry: 'again',
      busy: true,
      retryAfterMs: 7000,
      mayHaveSucceeded: true,
    });
  });

  it('understands a date in Retry-After', async () => {
    const at = new Date(Date.now() + 60_000).toUTCString();
    const outcome = await outcomeAt(await serve(afterwards(answer(503, { 'retry-after': at }))));
    expect(outcome).toMatchObject({ verdict: 'neutral', retryAfterMs: expect.any(Number) });
    const { retryAfterMs = 0 } = outcome as { retryAfterMs?: number };
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  it.each([
    [507, { verdict: 'failure', retry: 'elsewhere' }],
    [409, { verdict: 'neutral', retry: 'elsewhere' }],
    [413, { verdict: 'neutral', retry: 'never' }],
    [422, { verdict: 'neutral', retry: 'never' }],
    [503, { ...FAILED, mayHaveSucceeded: true }],
  ])('takes a %i for what it is', async (status, outcome) => {
    expect(await outcomeAt(await serve(afterwards(answer(status))))).toEqual(outcome);
  });

  it('says of an early refusal that the file cannot be there', async () => {
    const url = await serve(async (request, response) => {
      await once(request, 'data');
      response.writeHead(500, { connection: 'close' }).end('{}');
    });
    expect(await outcomeAt(url, large())).toEqual(FAILED);
  });

  it.each([undefined, 40 * MIB])(
    'sends no end of a file of %s declared bytes behind a refusal whose text comes late',
    async (length) => {
      let tail = Buffer.alloc(0);
      const url = await serve(async (request, response) => {
        await once(request, 'data');
        request.pause();
        response.writeHead(500, { connection: 'close' });
        response.flushHeaders();
        await setTimeout(1_000);
        request.on('data', (chunk: Buffer) => {
          tail = Buffer.concat([tail, chunk]).subarray(-100);
        });
        request.on('error', () => undefined).resume();
        await setTimeout(1_000);
        response.end('{}');
      });
      expect(await outcomeAt(url, bodyOf(randomSource(40 * MIB), length))).toEqual(FAILED);
      expect(tail.toString('latin1')).not.toMatch(/--\r\n$/);
    },
  );
});

function halfAnswer(response: ServerResponse): void {
  response.writeHead(201, { 'content-length': '1000' }).write('{"file_id":');
  setImmediate(() => response.destroy());
}
