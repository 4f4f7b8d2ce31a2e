import { afterEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type RunningApp, startApp } from '../support/app.js';
import { RawClient } from '../support/raw-client.js';

/** Scripts that a page brings itself, instead of naming them. */
const INLINE_SCRIPT = /<script(?![^>]*\ssrc=)[^>]*>|\son\w+=/i;

describe('the page of the documentation', () => {
  let running: RunningApp;

  afterEach(() => running.close());

  it.each(['/docs', '/docs/', '/docs/swagger-ui-init.js', '/docs/swagger-ui.css', '/DOCS'])(
    'lets nobody frame it or run other scripts, at %s',
    async (path) => {
      running = await startApp();
      const { status, headers, text } = await request(running.url).get(path);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      });
      const policy = headers['content-security-policy']?.split('; ');
      expect(policy).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self'",
          "connect-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
          "frame-ancestors 'none'",
        ]),
      );
      if (headers['content-type']?.includes('html')) expect(text).not.toMatch(INLINE_SCRIPT);
    },
  );

  it('may call the public URL', async () => {
    running = await startApp({ PUBLIC_URL: 'https://example.com/files' });
    const { headers } = await request(running.url).get('/docs');
    expect(headers['content-security-policy']).toContain("connect-src 'self' https://example.com;");
  });

  it('is not there where it is not wanted', async () => {
    running = await startApp({ DOCS_ENABLED: 'false' });
    for (const path of ['/docs', '/docs/', '/docs/json', '/docs/swagger-ui.css']) {
      const { status, body } = await request(running.url).get(path);
      expect([status, body.code]).toEqual([404, 'NOT_FOUND']);
    }
  });
});

describe('every answer', () => {
  it('is nothing but what its type says', async () => {
    const running = await startApp();
    const token = await running.token();
    const upload = await request(running.url)
      .post('/api/v1/files/upload')
      .auth(token, { type: 'bearer' })
      .attach('file', Buffer.from('<script>alert(1)</script>'), 'a.html');
    expect(upload.status).toBe(201);
    const answers = [upload];
    for (const path of [
      `/api/v1/files/${upload.body.upload_id}`,
      '/api/v1/files/x',
      '/nothing',
      '/metrics',
      '/health',
    ])
      answers.push(await request(running.url).get(path).auth(token, { type: 'bearer' }));
    for (const { headers } of answers) {
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
    }
    const client = await RawClient.connect(running.port);
    const { status, headers } = await client.send('GET\r\n\r\n').response();
    expect([status, headers.get('x-content-type-options')]).toEqual([400, 'nosniff']);
    client.close();
    await running.close();
  });
});
