import { beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { MockServer } from '../support/mockserver.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';
import { put, sentOn, upload, withService } from './service.js';

const HELLO_AT_ARTSTORE = '00000000-0000-4000-8000-000000000001';

/** Who calls us, and who we are to others. */
export function authFlows(mockServer: () => MockServer): void {
  let mock: MockServer;
  let keys: TestKeys;

  beforeAll(async () => {
    mock = mockServer();
    keys = await createTestKeys();
  });

  /** A key set of one test; giving its id again replaces the keys. */
  async function publish(id: string, published: TestKeys, kid: string): Promise<string> {
    const path = `/admin/jwks/${id}`;
    await mock.expect({
      id: `jwks-${id}`,
      httpRequest: { method: 'GET', path },
      httpResponse: { statusCode: 200, body: { keys: [published.jwk({ kid })] } },
    });
    return mock.url + path;
  }

  async function fetches(url: string): Promise<number> {
    return (await mock.received({ path: new URL(url).pathname })).length;
  }

  it('verifies tokens with a key set that it fetches once', async () => {
    const url = await publish(randomUUID(), keys, 'one');
    await withService(mock, { variables: { JWT_JWKS_URL: url } }, async (service) => {
      const token = await keys.sign({}, { kid: 'one' });
      const answers = await Promise.all(Array.from({ length: 5 }, () => upload(service, { token })));
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
      expect(await fetches(url)).toBe(1);
    });
  });

  it('takes a new key as soon as a token names it, and refuses the old one', async () => {
    const id = randomUUID();
    const url = await publish(id, keys, 'old');
    const variables = { JWT_JWKS_URL: url, JWT_JWKS_COOLDOWN_MS: '1' };
    await withService(mock, { variables }, async (service) => {
      const oldToken = await keys.sign({}, { kid: 'old' });
      expect(await upload(service, { token: oldToken })).toMatchObject({ status: 201 });
      const newKeys = await createTestKeys();
      await publish(id, newKeys, 'new');
      const token = await newKeys.sign({}, { kid: 'new' });
      expect(await upload(service, { token })).toMatchObject({ status: 201 });
      expect(await upload(service, { token: oldToken })).toMatchObject({ status: 401 });
    });
  });

  it('refuses a token that no key of the set has signed, and sends nothing on', async () => {
    const variables = { JWT_JWKS_URL: `${mock.url}/admin/.well-known/jwks.json` };
    await withService(mock, { variables }, async (service) => {
      const token = await keys.sign({}, { kid: 'mock-admin-1' });
      const { status, body, requestId } = await upload(service, { token });
      expect([status, body.code]).toEqual([401, 'UNAUTHORIZED']);
      expect(await sentOn(mock, requestId)).toEqual([]);
    });
  });

  it.each(['jwks-broken.json', 'jwks-garbage.json'])(
    'lets nobody in with %s as its key set',
    async (name) => {
      const variables = { JWT_JWKS_URL: `${mock.url}/admin/.well-known/${name}` };
      await withService(mock, { variables }, async (service) => {
        const { status, body } = await upload(service, { token: await keys.sign({}, { kid: 'one' }) });
        expect([status, body.code]).toEqual([502, 'ADMIN_UNAVAILABLE']);
      });
    },
  );

  it.each([
    ['no token', '', 401, 'UNAUTHORIZED'],
    ['a token of a stranger', undefined, 401, 'UNAUTHORIZED'],
  ])('refuses %s before the element hears of it', async (_, token, status, code) => {
    await withService(mock, {}, async (service) => {
      const answer = await upload(service, { token: token ?? (await keys.sign()) });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(await sentOn(mock, answer.requestId)).toEqual([]);
    });
  });

  it.each([
    ['form', '/admin/oauth/token'],
    ['json', '/admin/api/v1/auth/token'],
  ])(
    'asks for its own token once, written as %s, however many uploads wait for it',
    async (encoding, path) => {
      const clientId = randomUUID();
      const credentials = {
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: 'mock-secret',
      };
      const httpRequest = {
        path,
        body:
          encoding === 'json'
            ? { type: 'JSON', json: JSON.stringify(credentials) }
            : { type: 'PARAMETERS', parameters: credentialParameters(credentials) },
      };
      await mock.expect({
        id: clientId,
        priority: 20,
        httpRequest,
        httpResponse: {
          delay: { timeUnit: 'MILLISECONDS', value: 200 },
          body: { access_token: 'mock-service-token', token_type: 'Bearer', expires_in: 1800 },
        },
      });
      const variables = { SERVICE_TOKEN_URL: mock.url + path, SERVICE_TOKEN_ENCODING: encoding };
      await withService(mock, { clientId, variables }, async (service) => {
        const answers = await Promise.all(Array.from({ length: 8 }, () => upload(service)));
        expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
        expect(await mock.received(httpRequest)).toHaveLength(1);
      });
    },
  );

  it.each(['nobody', 'broken-client', 'garbage-client', 'dropped-client', 'slow-client'])(
    'answers 502 and no secret when the token endpoint fails for %s',
    async (clientId) => {
      const variables = { SERVICE_TOKEN_TIMEOUT_MS: '300' };
      await withService(mock, { clientId, variables }, async (service) => {
        const { status, body, text, requestId } = await upload(service);
        expect([status, body.code]).toEqual([502, 'ADMIN_UNAVAILABLE']);
        expect(text).not.toMatch(/mock-secret|oauth|127\.0\.0\.1|localhost/);
        expect(await sentOn(mock, requestId)).toEqual([]);
      });
    },
  );

  it('asks an element once more with a new token when it refuses the one in use', async () => {
    await withService(mock, { clientId: 'rotating-client' }, async (service) => {
      const { status, requestId } = await put(service, HELLO_AT_ARTSTORE);
      expect(status).toBe(200);
      const asked = await mock.received({
        path: `/artstore/api/v1/files/${HELLO_AT_ARTSTORE}`,
        headers: { 'x-request-id': [requestId] },
      });
      expect(asked.map(({ headers }) => headers.get('authorization'))).toEqual([
        'Bearer a-revoked-token',
        'Bearer mock-service-token',
      ]);
    });
  });

  it('sends the file again with a good token when the element refused one after it took the file', async () => {
    await withService(mock, { clientId: 'rotating-client' }, async (service) => {
      expect(await upload(service)).toMatchObject({ status: 201 });
    });
  });

  it('tells a client whose upload no element lets in that storage failed, not that its own token is bad', async () => {
    await withService(mock, { clientId: 'wrong-token-client' }, async (service) => {
      expect(await upload(service)).toMatchObject({ status: 502, body: { code: 'STORAGE_FAILED' } });
    });
  });
}

function credentialParameters(credentials: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(credentials).map(([name, value]) => [name, [value]]));
}
