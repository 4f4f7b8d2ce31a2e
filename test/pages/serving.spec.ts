import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

/** What loads a script or style from another place, or has one in the page. */
const INLINE = /<script(?![^>]*\ssrc=)[^>]*>|<style|\son\w+=|\sstyle=|https?:/i;

async function start(variables: Record<string, string>): Promise<{ service: ServiceProcess; url: string }> {
  const service = await startServiceProcess(variables);
  return { service, url: `http://127.0.0.1:${await service.port()}` };
}

describe('the pages', () => {
  let service: ServiceProcess;
  let url: string;

  beforeAll(async () => {
    ({ service, url } = await start({ PUBLIC_URL: 'https://example.com/files/' }));
  });
  afterAll(() => service.dispose());

  it.each(['/', '/console', '/console/', '/console/targets', '/console/dead-letters?target=se-01'])(
    'may run our own scripts only, at %s',
    async (path) => {
      const { status, headers, text } = await request(url).get(path);
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(headers).toMatchObject({
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-cache',
      });
      expect(headers).not.toHaveProperty('x-api-version');
      expect(text).not.toMatch(INLINE);
    },
  );

  it('name their files with what a proxy takes off the path, for good', async () => {
    const { text } = await request(url).get('/console');
    expect(text).toContain('data-base="/files"');
    const names = [...text.matchAll(/(?:src|href)="\/files([^"]+)"/g)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const { status, headers } = await request(url).get(name);
      expect([name, status]).toEqual([name, 200]);
      expect(headers).toMatchObject({
        'cache-control': 'public, max-age=31536000, immutable',
        'cross-origin-resource-policy': 'same-origin',
      });
    }
  });

  it('have no other files', async () => {
    const { text } = await request(url).get('/console');
    const assets = /\/console\/assets\/[0-9a-f]{16}/.exec(text)?.[0] ?? '';
    for (const path of [
      `${assets}/console/index.html`,
      `${assets}/console/%2e%2e/%2e%2e/main.js`,
      `${assets}/..%2fmain.js`,
      '/console/assets/0000000000000000/console/main.js',
    ]) {
      const { status, body } = await request(url).get(path);
      expect([path, status, body.code]).toEqual([path, 404, 'NOT_FOUND']);
    }
  });
});

it.each([{ CONSOLE_ENABLED: 'false', UPLOAD_PAGE_ENABLED: 'false' }])(
  'pages are not there with %j',
  async (variables) => {
    const { service, url } = await start(variables);
    for (const path of ['/', '/console', '/console/targets']) {
      const { status, body } = await request(url).get(path);
      expect([status, body.code]).toEqual([404, 'NOT_FOUND']);
    }
    await service.dispose();
  },
);
