import request, { type Response, type Test } from 'supertest';
import type { RunningApp } from './app.js';
import { RawClient } from './raw-client.js';

type Headers = Readonly<Record<string, string>>;

/** Sends what a client of the IETF's resumable uploads sends, one request at a time. */
export class IetfRequests {
  constructor(
    private readonly running: Pick<RunningApp, 'url' | 'port'>,
    readonly token: string,
  ) {}

  create(headers: Headers, body?: Buffer): Test {
    return this.sent(request(this.running.url).post('/api/v1/uploads'), headers, body);
  }

  /** A raw upload that can be resumed. */
  put(uploadId: string, headers: Headers, body?: Buffer): Test {
    return this.sent(request(this.running.url).put(`/api/v1/files/${uploadId}`), headers, body);
  }

  head(location: string, headers: Headers = {}): Test {
    return this.sent(request(this.running.url).head(pathOf(location)), headers);
  }

  get(location: string, headers: Headers = {}): Test {
    return this.sent(request(this.running.url).get(pathOf(location)), headers);
  }

  /** Appends as the draft has it; a header of '' is left out. */
  append(location: string, offset: number, body: Buffer, headers: Headers = {}): Test {
    const all: Record<string, string> = {
      'Content-Type': 'application/partial-upload',
      'Upload-Offset': String(offset),
      'Upload-Complete': '?0',
      ...headers,
    };
    const given = Object.entries(all).filter(([, value]) => value !== '');
    return this.sent(request(this.running.url).patch(pathOf(location)), Object.fromEntries(given), body);
  }

  remove(location: string): Test {
    return this.sent(request(this.running.url).delete(pathOf(location)), {});
  }

  /** Creates an upload without bytes, and gives where it is. */
  async begin(headers: Headers = {}): Promise<string> {
    const { status, headers: answer } = await this.create({ 'Upload-Complete': '?0', ...headers });
    if (status !== 201) throw new Error(`An upload was not created: ${status}`);
    return String(answer.location);
  }

  receiptOf(location: string): Test {
    const path = pathOf(location).replace('/uploads/', '/files/');
    return this.sent(request(this.running.url).get(path), {});
  }

  /** A connection on which the head of a request was sent, and nothing of its body yet. */
  async connect(requestLine: string, headers: Record<string, string | number>): Promise<RawClient> {
    const client = await RawClient.connect(this.running.port);
    return client.head(requestLine, { Authorization: `Bearer ${this.token}`, ...headers });
  }

  /** The same of an append whose body is chunked. */
  appendChunked(location: string, offset: number, headers: Headers): Promise<RawClient> {
    return this.connect(`PATCH ${pathOf(location)}`, {
      'Content-Type': 'application/partial-upload',
      'Transfer-Encoding': 'chunked',
      'Upload-Offset': offset,
      ...headers,
    });
  }

  private sent(test: Test, headers: Headers, body?: Buffer): Test {
    const sent = test.auth(this.token, { type: 'bearer' }).set(headers);
    return body ? sent.send(body) : sent;
  }
}

export function pathOf(location: string): string {
  return new URL(location).pathname;
}

/** Where a new upload is. */
export function locationIn({ headers }: Pick<Response, 'headers'>): string {
  return String(headers.location);
}

/** What the fields of an answer say of the upload. */
export function progressIn({ status, headers }: Pick<Response, 'status' | 'headers'>): unknown[] {
  return [status, headers['upload-complete'], headers['upload-offset']];
}
