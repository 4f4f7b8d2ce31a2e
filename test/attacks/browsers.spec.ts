import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { RawClient } from '../support/raw-client.js';

const PAGE = 'https://page.example';
const COOKIE = 'Cookie: session=secret\r\n';

const UUID = '01a22eab-80ec-7292-a9e0-28033ae0027e';

describe('a page of another origin', () => {
  let running: RunningApp;

  beforeAll(async () => {
    running = await startApp({ CORS_ORIGINS: PAGE });
  });
  afterAll(() => running.close());

  async function headersFor(origin: string, method: string): Promise<Headers> {
    const { headers } = await fetch(`${running.url}/api/v1/files/upload`, {
      method,
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    return headers;
  }

  it.each(['OPTIONS', 'POST'])('that is configured may read answers, without cookies: %s', async (method) => {
    const headers = await headersFor(PAGE, method);
    expect(headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('vary')).toContain('Origin');
  });

  it.each([
    'https://evil.example',
    'https://page.example.evil.example',
    'https://evilpage.example',
    'http://page.example',
    'https://page.example:8443',
    'null',
  ])('that is not configured may read none: %s', async (origin) => {
    for (const method of ['OPTIONS', 'POST']) {
      const headers = await headersFor(origin, method);
      expect(headers.get('access-control-allow-origin')).not.toBe(origin);
      expect(headers.get('access-control-allow-origin')).not.toBe('*');
    }
  });

  it.each(['upload', UUID, `${UUID}/events`, `${UUID}?a=b`])(
    'may ask for what it wants to send: %s',
    async (path) => {
      const { status, headers } = await fetch(`${running.url}/api/v1/files/${path}`, {
        method: 'OPTIONS',
        headers: { origin: PAGE, 'access-control-request-method': 'GET' },
      });
      expect([200, 204]).toContain(status);
      expect(headers.get('access-control-allow-origin')).toBe(PAGE);
    },
  );

  it.each(['TRACE', 'TRACK', 'DEBUG'])('learns nothing by %s of what was sent', async (method) => {
    const client = await RawClient.connect(running.port);
    const answer = client.send(
      `${method} / HTTP/1.1\r\nHost: ingester\r\n${COOKIE}Connection: close\r\n\r\n`,
    );
    const { status, body } = await answer.response();
    expect([400, 404, 405]).toContain(status);
    expect(body).not.toContain('secret');
    client.close();
  });
});
