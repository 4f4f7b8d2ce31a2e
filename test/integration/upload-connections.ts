import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import type { Piece, UploadDialect } from './upload-dialects.js';
import type { UploadReplicas } from './upload-replicas.js';

const ANSWER_MS = 20_000;

/** Sends requests of one protocol to replicas, each over a connection of its own. */
export class UploadConnections {
  readonly #common: Readonly<Record<string, string>>;

  constructor(
    private readonly replicas: UploadReplicas,
    private readonly dialect: UploadDialect,
  ) {
    this.#common = { Authorization: `Bearer ${replicas.token}`, ...dialect.all };
  }

  /** Sends a request, and gives its answer. @throws Error where there is none */
  async exchange(
    at: number,
    requestLine: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Buffer,
  ): Promise<RawResponse> {
    const client = await RawClient.connect(this.replicas.portOf(at));
    const length = body && { 'Content-Length': body.length };
    client.head(requestLine, { ...this.#common, ...headers, ...length });
    if (body) client.send(body);
    try {
      return await this.answerOf(client, requestLine.split(' ', 1)[0]);
    } finally {
      client.close();
    }
  }

  /** Sends the head of an append, which is let in. */
  async beginAppend(at: number, path: string, piece: Piece): Promise<RawClient> {
    const client = await RawClient.connect(this.replicas.portOf(at));
    client.head(`PATCH ${path}`, {
      ...this.#common,
      ...this.dialect.append(piece),
      'Content-Length': piece.bytes.length,
      Expect: '100-continue',
    });
    const { status, body } = await this.answerOf(client);
    assert.equal(status, 100, `an append was answered ${status}: ${body}`);
    return client;
  }

  /** @throws Error where a client is not answered */
  async answerOf(client: RawClient, method?: string): Promise<RawResponse> {
    const late = new AbortController();
    const isLate = sleep(ANSWER_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error(`nobody answers within ${ANSWER_MS} ms`);
    });
    return Promise.race([client.response(method), isLate]).finally(() => late.abort());
  }
}
