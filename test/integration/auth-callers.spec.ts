import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { developmentToken } from '../../src/auth/development-token.js';
import { parseEnvironment } from '../support/parse-environment.js';
import { Doors, knock, listen, logged } from '../support/doors.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';

function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

describe('a caller at the door', () => {
  let folder: string;
  let keys: TestKeys;
  let doors: Doors;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'auth-callers-'));
    keys = await createTestKeys();
    doors = await Doors.open({ JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder) });
    port = await doors.listen();
  });

  afterAll(async () => {
    await doors.close();
    await rm(folder, { recursive: true });
  });

  async function statusAt(door: string, claims?: Record<string, unknown>): Promise<number> {
    const authorization = claims && `Bearer ${await keys.sign({ role: undefined, ...claims })}`;
    return (await knock(port, door, authorization)).status;
  }

  it.each([
    ['role admin', { role: 'admin' }, [201, 201, 200]],
    ['role operator', { role: 'operator' }, [201, 403, 403]],
    ['role user', { role: 'user' }, [201, 403, 403]],
    ['one good role among unknown ones', { roles: ['offline_access', 'user'] }, [201, 403, 403]],
    ['a role of its realm', { realm_access: { roles: ['admin'] } }, [201, 201, 200]],
    ['scope files:write', { scope: 'openid files:write' }, [201, 403, 403]],
    ['scope admin:write', { scopes: ['admin:write'] }, [403, 201, 200]],
    ['scope admin:read', { scp: ['admin:read'] }, [403, 403, 200]],
    ['a list of roles as role', { role: ['user', 'admin'] }, [201, 201, 200]],
    ['one role as roles', { roles: 'operator' }, [201, 403, 403]],
    ['one role of its realm', { realm_access: { roles: 'user' } }, [201, 403, 403]],
    ['scopes as Entra writes them', { scp: 'files:write admin:read' }, [201, 403, 200]],
    ['a list of scopes as scope', { scope: ['openid', 'files:write'] }, [201, 403, 403]],
    ['a text of scopes as scopes', { scopes: 'openid admin:write' }, [403, 201, 200]],
    ['nothing', {}, [403, 403, 403]],
  ])('with %s opens what that grants', async (_, claims, statuses) => {
    const answers = ['POST /upload', 'POST /operate', 'GET /observe'].map((door) => statusAt(door, claims));
    expect(await Promise.all(answers)).toEqual(statuses);
  });

  it.each(['root', 'Admin', 'constructor', '__proto__', ''])('gains nothing by the role %j', async (role) => {
    expect(await statusAt('POST /upload', { role })).toBe(403);
  });

  it.each([
    ['role', 42],
    ['role', { admin: true }],
    ['role', null],
    ['role', 'user admin'],
    ['roles', { 0: 'admin', length: 1 }],
    ['roles', [['admin'], null, 7]],
    ['realm_access', 'admin'],
    ['realm_access', ['admin']],
    ['realm_access', null],
    ['scope', { 'files:write': true }],
    ['scope', 1],
    ['scopes', [{ name: 'files:write' }, 1]],
    ['scp', 'files:write\t'],
    ['username', { toString: 'x' }],
  ])('gains nothing by a claim %s of the wrong type: %j', async (claim, value) => {
    expect(await statusAt('POST /upload', { [claim]: value })).toBe(403);
  });

  it.each([
    ['a kid, which one key needs none of', () => ({}), { kid: 'anything' }],
    ['a clock three seconds ahead of ours', () => ({ iat: secondsFromNow(3) }), {}],
    ['an nbf within the tolerance', () => ({ nbf: secondsFromNow(3) }), {}],
    ['an exp within the tolerance', () => ({ exp: secondsFromNow(-2) }), {}],
    ['the type access', () => ({ type: 'access' }), {}],
    ['the type service_account', () => ({ type: 'service_account' }), {}],
    ['the type admin_user', () => ({ type: 'admin_user' }), {}],
    ['another token type in the header', () => ({}), { typ: 'at+jwt' }],
  ])('is let in with %s', async (_, claims, header) => {
    const answer = await knock(port, 'POST /upload', `Bearer ${await keys.sign(claims(), header)}`);
    expect(answer).toMatchObject({ status: 201, body: '{"subject":"alice"}' });
  });

  it.each(['bearer', 'BEARER', 'bEaReR'])('may spell the scheme %s', async (scheme) => {
    expect((await knock(port, 'POST /upload', `${scheme} ${await keys.sign()}`)).status).toBe(201);
  });

  it.each([
    ['POST /upload', 'files:write'],
    ['POST /operate', 'admin:write'],
    ['GET /observe', 'admin:read'],
  ])('is told at %s that %s is missing', async (door, missing) => {
    const answer = await knock(port, door, `Bearer ${await keys.sign({ role: 'nobody' })}`);
    const challenge = `Bearer error="insufficient_scope", scope="${missing}"`;
    expect(answer).toMatchObject({ status: 403, challenge });
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'FORBIDDEN',
      detail: `The token does not grant ${missing}.`,
    });
  });

  it.each([
    [{ sub: 7 }, 'The sub of the token must be a string, got a number.'],
    [{ sub: { $ne: null } }, 'The sub of the token must be a string, got an object.'],
    [{ sub: undefined }, 'The token has no sub.'],
    [{ exp: undefined }, 'The token has no exp.'],
    [{ exp: '1893456000' }, 'The exp of the token must be a number.'],
    [{ exp: 1 }, 'The token has expired.'],
    [{ nbf: 'soon' }, 'The nbf of the token must be a number.'],
    [{ iat: undefined }, 'The token has no iat.'],
    [{ iat: '1' }, 'The iat of the token must be a finite number, got a string.'],
  ])('is told what is wrong with the claims %j', async (claims, detail) => {
    const answer = await knock(port, 'POST /upload', `Bearer ${await keys.sign(claims)}`);
    expect(answer).toMatchObject({ status: 401, challenge: 'Bearer error="invalid_token"' });
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'UNAUTHORIZED', detail });
  });

  it('is let in with a clock as far off as JWT_CLOCK_TOLERANCE_MS allows', async () => {
    const claims = [{ exp: secondsFromNow(-60) }, { nbf: secondsFromNow(60) }, { iat: secondsFromNow(60) }];
    const publicKeyFile = await keys.publicKeyFile(folder);
    const variables = { JWT_PUBLIC_KEY_FILE: publicKeyFile, JWT_CLOCK_TOLERANCE_MS: '120000' };
    const tolerant = await Doors.open(variables);
    try {
      const tolerantPort = await tolerant.listen();
      for (const claim of claims) {
        const authorization = `Bearer ${await keys.sign(claim)}`;
        expect((await knock(port, 'POST /upload', authorization)).status).toBe(401);
        // The second time it is known already.
        expect((await knock(tolerantPort, 'POST /upload', authorization)).status).toBe(201);
        expect((await knock(tolerantPort, 'POST /upload', authorization)).status).toBe(201);
      }
    } finally {
      await tolerant.close();
    }
  });

  it('needs a token, but no permission, where none is named', async () => {
    expect(await statusAt('GET /private', {})).toBe(200);
    expect(await statusAt('GET /private')).toBe(401);
  });

  it('needs no token where the route is public, but does where a public controller names a permission', async () => {
    expect(await statusAt('GET /open')).toBe(200);
    expect(await statusAt('GET /open/not-quite')).toBe(401);
    expect(await statusAt('GET /open/not-quite', {})).toBe(403);
    expect(await statusAt('GET /open/not-quite', { role: 'user' })).toBe(200);
  });

  it('is let in with the new key, and no longer with the old one, after the key file was replaced', async () => {
    const [first, second] = await Promise.all([createTestKeys(), createTestKeys()]);
    const path = await first.publicKeyFile(await mkdtemp(join(folder, 'rotation-')));
    const rotating = await Doors.open({ JWT_PUBLIC_KEY_FILE: path });
    try {
      const rotatingPort = await rotating.listen();
      const statusWith = async (signer: TestKeys): Promise<number> =>
        (await knock(rotatingPort, 'POST /upload', `Bearer ${await signer.sign()}`)).status;
      expect([await statusWith(first), await statusWith(second)]).toEqual([201, 401]);
      await second.publicKeyFile(join(path, '..'));
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      expect([await statusWith(second), await statusWith(first)]).toEqual([201, 401]);
    } finally {
      await rotating.close();
    }
  });

  it('is let in with a development token where no key is configured', async () => {
    const unconfigured = await Doors.open({ DATA_DIR: folder });
    try {
      const token = await developmentToken(parseEnvironment({ DATA_DIR: folder }));
      const answer = await knock(await unconfigured.listen(), 'POST /upload', `Bearer ${token}`);
      expect(answer).toMatchObject({ status: 201, body: '{"subject":"developer"}' });
    } finally {
      await unconfigured.close();
    }
  });

  it('is let in with a key of the JWKS, and told 502 as long as the JWKS has never been there', async () => {
    const jwks = createServer((_, response) =>
      response.end(JSON.stringify({ keys: [keys.jwk({ kid: 'a' })] })),
    );
    const jwksPort = await listen(jwks);
    const remote = await Doors.open({ JWT_JWKS_URL: `http://127.0.0.1:${jwksPort}/keys` });
    const unreachable = await Doors.open({ JWT_JWKS_URL: 'http://127.0.0.1:1/keys' });
    try {
      const authorization = `Bearer ${await keys.sign({}, { kid: 'a' })}`;
      expect(await knock(await remote.listen(), 'POST /upload', authorization)).toMatchObject({
        status: 201,
      });
      const answer = await knock(await unreachable.listen(), 'POST /upload', authorization);
      expect(answer.status).toBe(502);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'ADMIN_UNAVAILABLE', retryable: true });
    } finally {
      await Promise.all([remote.close(), unreachable.close()]);
      jwks.closeAllConnections();
      jwks.close();
    }
  });

  it('is let in with either of two keys of one kid, though the set repeats them and holds what nobody knows', async () => {
    const [second, stranger] = await Promise.all([createTestKeys(), createTestKeys()]);
    const published = [keys, second, keys, second].map((pair) => pair.jwk({ kid: 'a', 'x-owner': 7 }));
    const unknown = [null, 'key', { kty: 'EC' }, { kty: 'PQC', kid: 'a' }, { kty: 'RSA', kid: 'a', n: 5 }];
    const jwks = createServer((_, response) =>
      response.end(JSON.stringify({ keys: [...unknown, ...published], version: 3 })),
    );
    const remote = await Doors.open({ JWT_JWKS_URL: `http://127.0.0.1:${await listen(jwks)}/keys` });
    try {
      const remotePort = await remote.listen();
      const statuses = [keys, second, stranger].flatMap((signer) =>
        ['a', undefined].map(async (kid) => {
          const authorization = `Bearer ${await signer.sign({}, { kid })}`;
          return (await knock(remotePort, 'POST /upload', authorization)).status;
        }),
      );
      expect(await Promise.all(statuses)).toEqual([201, 201, 201, 201, 401, 401]);
    } finally {
      await remote.close();
      jwks.closeAllConnections();
      jwks.close();
    }
  });

  it('is an administrator without a token under SKIP_AUTH, which is told loudly at the start', async () => {
    const unguarded = await Doors.open({ SKIP_AUTH: 'true', DATA_DIR: folder });
    try {
      expect(await knock(await unguarded.listen(), 'POST /upload')).toMatchObject({
        status: 201,
        body: '{"subject":"dev-user"}',
      });
      expect(logged.join('\n')).toContain('SKIP_AUTH IS SET');
    } finally {
      await unguarded.close();
    }
  });

  it('finds no service when the key file is not usable', async () => {
    const weak = await (await createTestKeys(1024)).publicKeyFile(await mkdtemp(join(folder, 'weak-')));
    for (const path of [join(folder, 'missing.pem'), weak]) {
      await expect(Doors.open({ JWT_PUBLIC_KEY_FILE: path })).rejects.toThrow(
        /JWT_PUBLIC_KEY_FILE: is not usable/,
      );
    }
  });
});
