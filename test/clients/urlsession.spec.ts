import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { Agent, type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exampleAt, examplesOf } from './documented-examples.js';
import { expectUploadedOnce, UploadFixture } from './upload-fixture.js';

type Headers = Readonly<Record<string, string>>;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What came of a request: an answer, or none where the line broke. */
interface Outcome {
  readonly answer?: Answer;
  /** Where the upload is, of an interim answer. */
  readonly location?: string;
}

const INTEROP = { 'Upload-Draft-Interop-Version': '8' };

describe('the requests that URLSession of iOS 26 sends for the example in docs/resumable.md', () => {
  let uploads: UploadFixture;
  const agent = new Agent({ keepAlive: true });

  beforeAll(async () => {
    uploads = await UploadFixture.start('a.pdf');
  });
  afterAll(async () => {
    agent.destroy();
    await uploads.close();
  });

  /** Sends a request with the file from `offset` on, or without a body. */
  async function send(method: string, url: string, headers: Headers, offset?: number): Promise<Outcome> {
    let location: string | undefined;
    const call = request(url, { method, headers, agent });
    call.on('information', ({ statusCode, headers: interim }) => {
      if (statusCode === 104) location = interim.location;
    });
    const answered = new Promise<Answer>((resolve, reject) => {
      call.on('error', reject).on('response', (response) => {
        const { statusCode: status = 0, headers: answerHeaders } = response;
        text(response).then((body) => resolve({ status, headers: answerHeaders, body }), reject);
      });
    });
    const sent = offset === undefined ? call.end() : sendBody(call, method, offset);
    const [answer] = await Promise.allSettled([answered, sent]);
    return {
      ...(answer.status === 'fulfilled' && { answer: answer.value }),
      ...(location !== undefined && { location }),
    };
  }

  /**
   * Of the first request it waits for the interim answer. URLSession does not, and has nothing to go on with where the
   * line breaks before that.
   */
  async function sendBody(call: ClientRequest, method: string, offset: number): Promise<void> {
    call.flushHeaders();
    if (method === 'PUT') await once(call, 'information');
    await pipeline(createReadStream(uploads.file.path, { start: offset }), call);
  }

  /** Asks for the offset, and sends the rest, until there is an answer. */
  async function resume(location: string, headers: Headers): Promise<Answer> {
    for (;;) {
      const { answer: told } = await send('HEAD', location, headers);
      if (told === undefined) continue;
      expect(told.status).toBe(204);
      const offset = Number(told.headers['upload-offset']);
      const rest = {
        ...headers,
        'Content-Type': 'application/partial-upload',
        'Content-Length': String(uploads.file.size - offset),
        'Upload-Offset': String(offset),
        'Upload-Complete': '?1',
      };
      const { answer } = await send('PATCH', location, rest, offset);
      if (answer !== undefined) return answer;
    }
  }

  it('upload a file once, and whole, over a line that breaks off', async () => {
    const { method, url, headers } = exampleRequest(uploads);
    const caller = { ...INTEROP, Authorization: headers['Authorization'] ?? '' };
    await expectUploadedOnce(
      uploads,
      async () => {
        const size = String(uploads.file.size);
        const whole = { 'Content-Length': size, 'Upload-Complete': '?1', 'Upload-Length': size };
        const { answer, location = '' } = await send(method, url, { ...headers, ...INTEROP, ...whole }, 0);
        expect(answer).toBeUndefined();
        const { status, body } = await resume(location, caller);
        expect(status).toBe(201);
        expect(JSON.parse(body)).toMatchObject({ checksum: uploads.file.checksum });
        expect(location.toLowerCase()).toBe(url.replace('/files/', '/uploads/').toLowerCase());
        return location;
      },
      { original_filename: 'a.pdf', content_type: 'application/pdf' },
    );
  });
});

/** What the example has URLSession send. Swift writes UUIDs in capitals. */
function exampleRequest({ relay, token }: UploadFixture): { method: string; url: string; headers: Headers } {
  const [printed = ''] = examplesOf('Resumable Uploads for HTTP (IETF)', 'With URLSession');
  const example = exampleAt(relay.url, printed)
    .replace(String.raw`\(UUID().uuidString)`, randomUUID().toUpperCase())
    .replace(String.raw`\(token)`, token);
  const fields = example.matchAll(/setValue\("(.+)", forHTTPHeaderField: "(.+)"\)/g);
  return {
    method: /httpMethod = "(\w+)"/.exec(example)?.[1] ?? '',
    url: /URL\(string: "(.+?)"\)/.exec(example)?.[1] ?? '',
    headers: Object.fromEntries([...fields].map(([, value = '', name = '']) => [name, value])),
  };
}
