import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type Dispatcher, Pool } from 'undici';
import { classifyFailure } from '../classify-failure.js';
import type { FailureKind } from '../outcome.js';

const FAILED: FailureKind = { verdict: 'failure', retry: 'again' };
const NOT_REACHED: FailureKind = { ...FAILED, nothingSent: true };
const NEUTRAL: FailureKind = { verdict: 'neutral', retry: 'never' };

describe('classifyFailure knows what undici and Node throw', () => {
  const request = { method: 'GET', path: '/' } as const;

  async function failureOf(
    origin: string,
    options: Partial<Dispatcher.RequestOptions> = {},
  ): Promise<unknown> {
    const pool = new Pool(origin, { connect: { timeout: 500 } });
    try {
      await pool.request({ ...request, ...options });
    } catch (error) {
      return error;
    } finally {
      await pool.destroy();
    }
    throw new Error('it answered');
  }

  async function withPeer(
    answer: string | undefined,
    work: (port: number) => Promise<unknown>,
  ): Promise<unknown> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => (answer === undefined ? socket.resetAndDestroy() : socket.end(answer)));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    try {
      return await work(port);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('when nobody listens, also at several addresses', async () => {
    const port = Number(await withPeer('', (free) => Promise.resolve(free)));
    expect(classifyFailure(await failureOf(`http://127.0.0.1:${port}`))).toEqual(NOT_REACHED);
    expect(classifyFailure(await failureOf(`http://localhost:${port}`))).toEqual(NOT_REACHED);
  });

  it('when there is no such host', async () => {
    expect(classifyFailure(await failureOf('http://nowhere.invalid'))).toEqual(NOT_REACHED);
  });

  it.each([
    ['resets', undefined],
    ['closes early', ''],
    ['speaks something else', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['breaks off its head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ])('when the other side %s', async (_what, answer) => {
    const error = await withPeer(answer, (port) => failureOf(`http://127.0.0.1:${port}`));
    expect(classifyFailure(error)).toEqual(FAILED);
  });

  it('when the other side does not speak TLS', async () => {
    const error = await withPeer('HTTP/1.1 400 Bad Request\r\n\r\n', (port) =>
      failureOf(`https://127.0.0.1:${port}`),
    );
    expect(classifyFailure(error)).toMatchObject(FAILED);
  });

  it('when we abort', async () => {
    const reason = new DOMException('gone', 'AbortError');
    const error = await withPeer('', (port) =>
      failureOf(`http://127.0.0.1:${port}`, { signal: AbortSignal.abort(reason) }),
    );
    expect(classifyFailure(error)).toEqual(NEUTRAL);
  });

  it('when a socket of Node is refused', async () => {
    const port = Number(await withPeer('', (free) => Promise.resolve(free)));
    const [error] = await once(connect(port, '127.0.0.1'), 'error').catch((thrown: unknown) => [thrown]);
    expect(classifyFailure(error)).toEqual(NOT_REACHED);
  });
});
