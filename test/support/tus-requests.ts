import request, { type Test } from 'supertest';
import type { RunningApp } from './app.js';

const BODY_TYPE = 'application/offset+octet-stream';

/** Sends what a tus client sends, one request at a time. */
export class TusRequests {
  constructor(
    private readonly running: Pick<RunningApp, 'url'>,
    private readonly token: string,
  ) {}

  create(headers: Record<string, string>, body?: Buffer): Test {
    const test = this.send(request(this.running.url).post('/api/v1/uploads')).set(headers);
    return body ? test.set('Content-Type', BODY_TYPE).send(body) : test;
  }

  head(location: string): Test {
    return this.send(request(this.running.url).head(pathOf(location)));
  }

  patch(location: string, offset: number, body: Buffer, headers: Record<string, string> = {}): Test {
    return this.send(request(this.running.url).patch(pathOf(location)))
      .set({ 'Upload-Offset': String(offset), 'Content-Type': BODY_TYPE, ...headers })
      .send(body);
  }

  remove(location: string): Test {
    return this.send(request(this.running.url).delete(pathOf(location)));
  }

  /** Creates an upload of so many bytes, and gives where it is. */
  async begin(length: number, headers: Record<string, string> = {}): Promise<string> {
    const { status, headers: answer } = await this.create({ 'Upload-Length': String(length), ...headers });
    if (status !== 201) throw new Error(`An upload was not created: ${status}`);
    return String(answer.location);
  }

  receiptOf(location: string): Test {
    const path = pathOf(location).replace('/uploads/', '/files/');
    return request(this.running.url).get(path).auth(this.token, { type: 'bearer' });
  }

  private send(test: Test): Test {
    return test.auth(this.token, { type: 'bearer' }).set('Tus-Resumable', '1.0.0');
  }
}

export function pathOf(location: string): string {
  return new URL(location).pathname;
}

/** `Upload-Metadata` of these pairs. */
export function metadataOf(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}
