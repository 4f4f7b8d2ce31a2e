import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { listen, shut } from '../../../test/support/local-server.js';
import { RawClient } from '../../../test/support/raw-client.js';
import { sendUploadResumption } from './interim-response.js';

const FIELDS = { Location: 'http://a.example/1', 'Upload-Limit': 'max-size=5' };

describe('sendUploadResumption', () => {
  let server: Server;

  afterEach(() => shut(server));

  async function ask(listener: RequestListener, http = '1.1'): Promise<RawClient> {
    server = createServer(listener);
    const client = await RawClient.connect(Number(new URL(await listen(server)).port));
    return client.send(`GET / HTTP/${http}\r\nHost: a\r\n\r\n`);
  }

  it.each([
    ['by the method that Node has for it', {}],
    ['without such a method', { writeInformation: undefined }],
  ])('sends interim responses ahead of the answer, %s', async (_, missing) => {
    const client = await ask((_request, response) => {
      Object.assign(response, missing);
      for (let times = 0; times < 2; times += 1) expect(sendUploadResumption(response, FIELDS)).toBe(true);
      response.setHeader('Content-Length', '2').end('ok');
    });
    for (let times = 0; times < 2; times += 1) {
      const interim = await client.response();
      expect([interim.status, Object.fromEntries(interim.headers)]).toEqual([
        104,
        { location: 'http://a.example/1', 'upload-limit': 'max-size=5' },
      ]);
    }
    const answer = await client.response();
    expect([answer.status, answer.body]).toEqual([200, 'ok']);
    client.close();
  });

  it.each([{}, { writeInformation: undefined }])(
    'refuses a value that would end its field: %j',
    async (missing) => {
      const client = await ask((_request, response) => {
        Object.assign(response, missing);
        expect(() => sendUploadResumption(response, { Location: 'a\r\nSet-Cookie: b' })).toThrow('nvalid');
        response.end();
      });
      expect((await client.response()).status).toBe(200);
      client.close();
    },
  );

  it('sends nothing by HTTP/1.0, and nothing once there is an answer', async () => {
    const old = await ask((_request, response) => {
      expect(sendUploadResumption(response, FIELDS)).toBe(false);
      response.end();
    }, '1.0');
    expect((await old.response()).status).toBe(200);
    old.close();
    await shut(server);
    const late = await ask((_request, response) => {
      response.writeHead(204);
      expect(sendUploadResumption(response, FIELDS)).toBe(false);
      response.end();
    });
    expect((await late.response()).status).toBe(204);
    late.close();
  });
});
