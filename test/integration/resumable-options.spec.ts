import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';

const PAGE = 'https://page.example';
const PATHS = ['/api/v1/uploads', '/api/v1/uploads/00000000-0000-4000-8000-000000000000', '/api/uploads'];

/** What clients of both protocols send, and what they read of answers. */
const SENT =
  'Authorization Content-Type Content-Disposition Content-Digest Repr-Digest Want-Repr-Digest Want-Content-Digest Idempotency-Key Prefer X-Requested-With X-Request-ID X-HTTP-Method-Override Tus-Resumable Upload-Length Upload-Offset Upload-Metadata Upload-Defer-Length Upload-Concat Upload-Checksum Upload-Complete Upload-Draft-Interop-Version';
const READ =
  'Location Content-Location Link Retry-After Tus-Resumable Tus-Version Tus-Extension Tus-Max-Size Tus-Checksum-Algorithm Upload-Offset Upload-Length Upload-Metadata Upload-Defer-Length Upload-Concat Upload-Expires Upload-Complete Upload-Limit Upload-Draft-Interop-Version Repr-Digest Content-Digest';

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
    expect(allowed).toEqual(expect.arrayContaining(SENT.split(' ')));
  });

  it('let such pages send their cookies, unless every origin may come', async () => {
    const { headers } = await options(open, '/api/v1/uploads', preflight);
    expect(headers.get('access-control-allow-credentials')).toBe('true');
    const others = await options(open, '/api/v1/files/upload', preflight);
    expect(others.headers.get('access-control-allow-credentials')).toBeNull();
    const any = await startApp({ CORS_ORIGINS: '*' });
    const answer = await options(any, '/api/v1/uploads', preflight);
    expect([
      answer.headers.get('access-control-allow-origin'),
      answer.headers.get('access-control-allow-credentials'),
    ]).toEqual(['*', null]);
    await any.close();
  });

  it('say what a raw upload may be that comes in several requests', async () => {
    const path = '/api/v1/files/00000000-0000-4000-8000-000000000000';
    for (const running of [open, closed]) {
      const asked = { ...preflight, 'Access-Control-Request-Headers': 'upload-complete' };
      const answer = await options(running, path, running === open ? asked : {});
      expect([answer.status, await answer.text()]).toEqual([200, '']);
      expect(answer.headers.get('upload-limit')).toBe('max-size=5000, max-age=86400');
      expect(answer.headers.get('tus-version')).toBeNull();
      expect(answer.headers.get('access-control-allow-headers')).toBe(
        running === open ? 'upload-complete' : null,
      );
    }
    expect((await options(closed, '/api/v1/files/upload')).status).toBe(404);
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
    expect(exposed).toEqual(expect.arrayContaining(READ.split(' ')));
  });
});
