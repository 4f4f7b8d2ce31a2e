import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac, createSign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, Doors, knock, knockRaw, logged } from '../support/doors.js';
import { assembleToken, createTestKeys, type TestKeys, usableClaims } from '../support/tokens.js';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'ingester';
const MEBIBYTE = 1024 * 1024;

type Members = Record<string, unknown>;

/** What the caller is told, and what must not be told to anybody. */
const REFUSED = { status: 401, challenge: 'Bearer error="invalid_token"', code: 'UNAUTHORIZED', leaked: [] };

function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

function byHmac(secret: string): (input: string) => string {
  return (input) => createHmac('sha256', secret).update(input).digest('base64url');
}

/** The answer, with those parts of the token that are in it or in a log line. */
function outcome({ status, challenge, body }: Answer, token = ''): Members {
  const traces = `${body}\n${logged.join('\n')}`;
  const leaked = token.split('.').filter((part) => part.length > 8 && traces.includes(part));
  const { code } = JSON.parse(body) as { code?: string };
  return { status, challenge, code, leaked };
}

describe('an attack on the door', () => {
  let folder: string;
  let keys: TestKeys;
  let strangerKeys: TestKeys;
  let doors: Doors;
  let strangerDoors: Doors;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'auth-attacks-'));
    [keys, strangerKeys] = await Promise.all([createTestKeys(), createTestKeys()]);
    doors = await openDoors(keys);
    port = await doors.listen();
    strangerDoors = await openDoors(strangerKeys);
  });

  afterAll(async () => {
    await doors.close();
    await strangerDoors.close();
    await rm(folder, { recursive: true });
  });

  async function openDoors(trusted: TestKeys): Promise<Doors> {
    const publicKeyFile = await trusted.publicKeyFile(await mkdtemp(join(folder, 'keys-')));
    return Doors.open({
      JWT_PUBLIC_KEY_FILE: publicKeyFile,
      JWT_ISSUER: ISSUER,
      JWT_AUDIENCE: AUDIENCE,
    });
  }

  const claims = (more: Members = {}): Members => usableClaims({ iss: ISSUER, aud: AUDIENCE, ...more });
  const good = (more: Members = {}, header: Members = {}): Promise<string> => keys.sign(claims(more), header);
  const upload = (token: string): Promise<Answer> => knock(port, 'POST /upload', `Bearer ${token}`);
  const byRsa =
    (algorithm = 'RSA-SHA256', options = {}) =>
    (input: string): string =>
      createSign(algorithm)
        .update(input)
        .sign({ key: keys.privateKey, ...options }, 'base64url');

  async function tryToken(token: string): Promise<Members> {
    return outcome(await upload(token), token);
  }

  it('is told apart from a good token', async () => {
    expect(await upload(await good())).toMatchObject({ status: 201, body: '{"subject":"alice"}' });
  });

  it.each(['none', 'None', 'NONE', 'nOnE', '', null, undefined, ['RS256'], 'rs256', 'RS256 '])(
    'fails with the algorithm %j',
    async (alg) => {
      for (const signature of ['', byRsa()('x')]) {
        expect(await tryToken(assembleToken({ alg, typ: 'JWT' }, claims(), () => signature))).toEqual(
          REFUSED,
        );
      }
    },
  );

  it('fails with HS256 signed with the public key, however the key is written', async () => {
    const der = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const pkcs1 = keys.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    for (const secret of [keys.publicKeyPem, keys.publicKeyPem.trim(), der, pkcs1, '']) {
      for (const alg of ['HS256', 'RS256']) {
        expect(await tryToken(assembleToken({ alg, typ: 'JWT' }, claims(), byHmac(secret)))).toEqual(REFUSED);
      }
    }
  });

  it.each([
    ['RS384', 'RSA-SHA384', {}],
    ['RS512', 'RSA-SHA512', {}],
    ['PS256', 'RSA-SHA256', { padding: 6, saltLength: 32 }],
    ['RS256', 'RSA-SHA512', {}],
    ['RS256', 'RSA-SHA256', { padding: 6, saltLength: 32 }],
  ])(
    'fails with a token that says %s and is signed by %s %j of the right key',
    async (alg, name, options) => {
      expect(await tryToken(assembleToken({ alg, typ: 'JWT' }, claims(), byRsa(name, options)))).toEqual(
        REFUSED,
      );
    },
  );

  it('fails with a key that the token brings along or points to', async () => {
    const url = 'http://127.0.0.1:9/keys';
    const x5c = [strangerKeys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')];
    const jwk = strangerKeys.jwk();
    for (const header of [{ jwk }, { jku: url }, { x5u: url }, { x5c }, { kid: 'stranger' }]) {
      expect(await tryToken(await strangerKeys.sign(claims(), header))).toEqual(REFUSED);
    }
    for (const header of [{ jwk: keys.jwk() }, { jku: url }, { x5u: url }, { jwk: null }]) {
      expect(await tryToken(await good({}, header))).toEqual(REFUSED);
    }
  });

  it.each([
    ['a critical extension', { crit: ['exp'] }],
    ['an unencoded payload', { crit: ['b64'], b64: false }],
    ['a kid that is a list', { kid: ['../../../../dev/null'] }],
    ['a kid that is a number', { kid: 1 }],
  ])('fails with a header with %s', async (_, header) => {
    expect(await tryToken(await good({}, header))).toEqual(REFUSED);
  });

  it('fails with a key that is trusted by another application in the same process', async () => {
    const token = await strangerKeys.sign(claims());
    expect(await tryToken(token)).toEqual(REFUSED);
    const strangerPort = await strangerDoors.listen();
    expect(await knock(strangerPort, 'POST /upload', `Bearer ${token}`)).toMatchObject({ status: 201 });
  });

  it.each([
    ['an exp that is past', { exp: secondsFromNow(-60) }],
    ['an exp of zero', { exp: 0 }],
    ['no exp', { exp: undefined }],
    ['an exp that is a text', { exp: String(secondsFromNow(3600)) }],
    ['an exp that is null', { exp: null }],
    ['an nbf in the future', { nbf: secondsFromNow(60) }],
    ['an nbf that is a text', { nbf: 'soon' }],
    ['an iat in the future', { iat: secondsFromNow(60) }],
    ['no iat', { iat: undefined }],
    ['an iat that is a text', { iat: '1' }],
    ['no sub', { sub: undefined }],
    ['an empty sub', { sub: '' }],
    ['a blank sub', { sub: ' \t' }],
    ['a numeric sub', { sub: 7 }],
    ['a sub that is an object', { sub: { $ne: null } }],
    ['the wrong iss', { iss: 'https://other.example' }],
    ['an iss that is a list', { iss: [ISSUER] }],
    ['no iss', { iss: undefined }],
    ['the wrong aud', { aud: 'other' }],
    ['no aud', { aud: undefined }],
    ['an aud that is an object', { aud: { 0: AUDIENCE } }],
    ['the type refresh', { type: 'refresh' }],
    ['an unknown type', { type: 'id' }],
    ['a type that is a list', { type: ['access'] }],
    ['a type that is null', { type: null }],
  ])('fails with %s', async (_, more) => {
    expect(await tryToken(await good(more))).toEqual(REFUSED);
  });

  it('fails with an exp that becomes infinite when it is parsed', async () => {
    const payload = JSON.stringify(claims({ exp: 'EXP' })).replace('"EXP"', '1e999');
    const input = [JSON.stringify({ alg: 'RS256', typ: 'JWT' }), payload]
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
    expect(await tryToken(`${input}.${byRsa()(input)}`)).toEqual(REFUSED);
  });

  it.each([null, [], 'text', 5, true, [{ sub: 'alice' }]])(
    'fails with the signed payload %j',
    async (payload) => {
      for (const typ of ['JWT', undefined]) {
        expect(await tryToken(assembleToken({ alg: 'RS256', typ }, payload, byRsa()))).toEqual(REFUSED);
      }
    },
  );

  it('fails with garbage and with truncated tokens', async () => {
    const [header = '', payload = '', signature = ''] = (await good()).split('.');
    const tokens = [
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -1)}`,
      `${header}.${payload}.${signature.slice(0, 40)}`,
      `${header}.${payload}.${signature}${signature}`,
      `${header}.${payload}.${signature}.${signature}`,
      `${header}.${payload.slice(0, -2)}.${signature}`,
      `.${header}.${payload}.${signature}`,
      `${header.slice(2)}.${payload}.${signature}`,
    ];
    const garbage = ['x', '.', '..', '...', 'e30.e30.e30', 'bnVsbA.bnVsbA.bnVsbA', '%00.%00.%00', '~.~.~'];
    for (const token of [...garbage, ...tokens]) expect(await tryToken(token)).toEqual(REFUSED);
  });

  it('fails with two Authorization headers, in either order and if they are equal', async () => {
    const bearer = `Bearer ${await good()}`;
    for (const other of ['Bearer x', 'Basic x', '', bearer]) {
      expect(outcome(await knock(port, 'POST /upload', [bearer, other]))).toEqual(REFUSED);
      expect(outcome(await knock(port, 'POST /upload', [other, bearer]))).toEqual(REFUSED);
    }
    expect(outcome(await knock(port, 'POST /upload', `${bearer}, ${bearer}`))).toEqual(REFUSED);
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Basic YWxpY2U6eA==',
    'bearer,x',
    'Bearer a b',
    'Bearer "x"',
    'Bearer\tx.y.z',
  ])('fails with the Authorization header %j', async (authorization) =>
    expect(outcome(await knock(port, 'POST /upload', authorization))).toEqual(REFUSED),
  );

  it('fails with a good token in the query or in the body', async () => {
    const token = await good();
    for (const name of ['access_token', 'token', 'auth_token', 'jwt']) {
      expect(outcome(await knock(port, `POST /upload?${name}=${token}`), token)).toEqual(REFUSED);
    }
    const form = `access_token=${token}`;
    const type = 'application/x-www-form-urlencoded';
    expect(
      outcome(await knockRaw(port, { 'Content-Type': type, 'Content-Length': form.length }, form), token),
    ).toEqual(REFUSED);
  });

  it('fails with a token of 1 MB, also where such headers are let through', async () => {
    const token = await good({ padding: 'x'.repeat(MEBIBYTE) });
    const answer = await knock(await doors.listen(4 * MEBIBYTE), 'POST /upload', `Bearer ${token}`);
    expect(outcome(answer, token)).toEqual(REFUSED);
    expect(answer.body).toContain('too long');
    expect(await tryToken(token)).toEqual(REFUSED);
  });

  it('is answered before the body has arrived', async () => {
    const bodyOnItsWay = { 'Content-Length': 1_000_000 };
    expect(outcome(await knockRaw(port, { ...bodyOnItsWay, Authorization: 'Bearer x' }))).toEqual(REFUSED);
    const token = await good({ role: 'nobody' });
    const answer = await knockRaw(port, { ...bodyOnItsWay, Authorization: `Bearer ${token}` });
    expect(answer.status).toBe(403);
  });

  it('learns and leaves behind no word of a payload that is not JSON', async () => {
    const header = Buffer.from('{"alg":"RS256","typ":"JWT"}').toString('base64url');
    const answer = await upload(
      `${header}.${Buffer.from('whispered').toString('base64url')}.${byRsa()('x')}`,
    );
    expect(outcome(answer)).toEqual(REFUSED);
    expect(`${answer.body}${logged.join('')}`.includes('whisper')).toBe(false);
  });

  it('is logged without any token', async () => {
    expect(await tryToken(await good({ sub: undefined }))).toEqual(REFUSED);
    const lines = logged.join('\n');
    expect(lines.includes('UNAUTHORIZED')).toBe(true);
    expect(/eyJ[\w-]{10,}/.exec(lines)).toBeNull();
  });
});
