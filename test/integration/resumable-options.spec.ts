import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';

const PAGE = 'https://page.example';
const PATHS = ['/api/v1/uploads', '/api/v1/uploads/00000000-0000-4000-8000-000000000000', '/api/uploads'];

describe('OPTIONS of resumable uploads', () => {
  let open: RunningApp;
  let closed: RunningApp;

  beforeAll(async () => {
    [open, closed] = await Promise.all([
      startApp({ CORS_ORIGINS: PAGE, MAX_FILE_BYTES: '5000' }),
      startApp({ MAX_FILE_BYTES: '5000' }),
    ]);
  });

  afterAll(() => Promise.all([open.close(), closed.close()]));

  const options = (
    running: RunningApp,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Response> => fetch(`${running.url}${path}`, { method: 'OPTIONS', headers });

  const preflight = { Origin: PAGE, 'Access-Control-Request-Method': 'PATCH' };

  it.each(PATHS)('say without a token what both protocols can do: %s', async (path) => {
    for (const running of [open, closed]) {
      const answer = await options(running, path, running === open ? preflight : {});
      expect([answer.status, await answer.text()]).toEqual([200, '']);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-length': '0',
        'tus-resumable': '1.0.0',
        'tus-version': '1.0.0',
        'tus-extension':
          'creation,creation-with-upload,creation-defer-length,termination,checksum,checksum-trailer,expiration,concatenation,concatenation-unfinished',
        'tus-max-size': '5000',
        'tus-checksum-algorithm': 'sha1,sha256,sha512,md5,crc32',
        'upload-limit': 'max-size=5000, max-age=86400',
      });
    }
  });

  it.each(PATHS)('let pages of configured origins send what clients send: %s', async (path) => {
    const { headers } = await options(open, path, preflight);
    expect(headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(headers.get('access-control-allow-methods')).toBe('GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
    const allowed = headers.get('access-control-allow-headers')?.split(',') ?? [];
    for (const name of ['Authorization', 'Tus-Resumable', 'Upload-Checksum', 'Upload-Complete'])
      expect(allowed).toContain(name);
  });

  it('say nothing to pages where no origin is configured, and to those of others', async () => {
    expect(
      (await options(closed, '/api/v1/uploads', preflight)).headers.get('access-control-allow-origin'),
    ).toBeNull();
    const evil = { ...preflight, Origin: 'https://evil.example' };
    expect(
      (await options(open, '/api/v1/uploads', evil)).headers.get('access-control-allow-origin'),
    ).not.toBe(evil.Origin);
  });

  it('of all else end as they did', async () => {
    const asked = { ...preflight, 'Access-Control-Request-Headers': 'upload-complete' };
    const answer = await options(open, '/api/v1/files/upload', asked);
    expect([answer.status, answer.headers.get('tus-version')]).toEqual([204, null]);
    expect(answer.headers.get('access-control-allow-headers')).toBe('upload-complete');
  });

  it('let pages read what they need of an answer', async () => {
    const answer = await fetch(`${open.url}/api/v1/uploads`, { method: 'POST', headers: { Origin: PAGE } });
    const exposed = answer.headers.get('access-control-expose-headers')?.split(',') ?? [];
    for (const name of ['Location', 'Upload-Offset', 'Upload-Expires', 'Upload-Limit', 'Repr-Digest'])
      expect(exposed).toContain(name);
  });
});
