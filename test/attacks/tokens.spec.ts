import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { listen, shut } from '../support/local-server.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { GOOD, MISUSED, POWERLESS } from './claim-table.js';
import { AUDIENCE, ISSUER, TokenForge } from './token-forge.js';
import { FORGERIES } from './token-table.js';

/** A route for administrators, so that a token that passes where it must not has everything. */
const ROUTE = 'GET /api/v1/resilience/summary';
const INVALID = 'Bearer error="invalid_token"';

let issuer: Server;
let attacker: Server;
let running: RunningApp;
let forge: TokenForge;
/** Requests to the key set, and to the server of the attacker. */
let fetches = 0;
let lured = 0;
let tried = 0;

beforeAll(async () => {
  attacker = createServer((_, response) => {
    lured += 1;
    response.end(JSON.stringify({ keys: [forge.others.stranger.jwk({ kid: 'main' })] }));
  });
  forge = await TokenForge.make(await listen(attacker));
  issuer = createServer((_, response) => {
    fetches += 1;
    response.end(forge.jwks());
  });
  running = await startApp({
    JWT_JWKS_URL: `${await listen(issuer)}/jwks.json`,
    JWT_JWKS_COOLDOWN_MS: '600000',
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    SHUTDOWN_DRAIN_DELAY_MS: '0',
  });
});

afterAll(async () => {
  await running.close();
  await Promise.all([shut(issuer), shut(attacker)]);
  process.stdout.write(`tokens: ${tried} tried\n`);
});

/** Sends a request with these header lines, and whatever of a body, and gives the answer. */
async function send(request: string, lines: readonly string[], body = ''): Promise<RawResponse> {
  tried += 1;
  const client = await RawClient.connect(running.port);
  try {
    client.send([`${request} HTTP/1.1`, 'Host: ingester', ...lines, '', body].join('\r\n'));
    return await client.response();
  } finally {
    client.close();
  }
}

const bring = (token: string): Promise<RawResponse> => send(ROUTE, [`Authorization: Bearer ${token}`]);

/** Expects a refusal that gives nothing of the token away. */
function expectRefusal(answer: RawResponse, status: 401 | 403, token = ''): void {
  const { code } = answer.json();
  expect([answer.status, code]).toEqual([status, status === 401 ? 'UNAUTHORIZED' : 'FORBIDDEN']);
  if (status === 401) expect(answer.headers.get('www-authenticate')).toBe(INVALID);
  const leaked = token.split('.').filter((part) => part.length > 8 && answer.body.includes(part));
  expect(leaked).toEqual([]);
}

describe('a token that nobody of ours signed like this', () => {
  it.each(FORGERIES)('is refused: %s', async (_, make) => {
    const token = make(forge);
    expectRefusal(await bring(token), 401, token);
  });
});

describe('a token of our issuer that is not for this', () => {
  it.each(MISUSED)('is refused: %s', async (_, make) => {
    const token = make(forge);
    expectRefusal(await bring(token), 401, token);
  });
});

describe('a good token that grants too little', () => {
  it.each(POWERLESS)('is refused: %s', async (_, make) => {
    const token = make(forge);
    expectRefusal(await bring(token), 403, token);
  });
});

describe('a good token', () => {
  it.each(GOOD)('is taken, and taken again: %s', async (_, make) => {
    const token = make(forge);
    expect([(await bring(token)).status, (await bring(token)).status]).toEqual([200, 200]);
  });

  it.each<[string, (bearer: string) => string[]]>([
    ['is not there', () => []],
    ['is there twice', (bearer) => [`Authorization: ${bearer}`, `Authorization: ${bearer}`]],
    ['follows another', (bearer) => ['Authorization: Bearer x.y.z', `authorization: ${bearer}`]],
    ['precedes another', (bearer) => [`AUTHORIZATION: ${bearer}`, 'Authorization: Basic eDp5']],
    ['is one of two in a header', (bearer) => [`Authorization: ${bearer}, Bearer x.y.z`]],
    ['has no scheme', (bearer) => [`Authorization: ${bearer.slice(7)}`]],
    ['has another scheme', (bearer) => [`Authorization: DPoP ${bearer.slice(7)}`]],
    ['stands behind its scheme without a blank', (bearer) => [`Authorization: Bearer${bearer.slice(7)}`]],
    ['stands behind a tab', (bearer) => [`Authorization: Bearer\t${bearer.slice(7)}`]],
    ['stands behind a blank that is none', (bearer) => [`Authorization: Bearer\u00a0${bearer.slice(7)}`]],
    ['has something behind it', (bearer) => [`Authorization: ${bearer} x`]],
    ['is a parameter', (bearer) => [`Authorization: Bearer token="${bearer.slice(7)}"`]],
    ['is for a proxy', (bearer) => [`Proxy-Authorization: ${bearer}`]],
    [
      'is under another name',
      (bearer) => [`X-Authorization: ${bearer}`, `X-Forwarded-Authorization: ${bearer}`],
    ],
    ['is in a header that a proxy may rename', (bearer) => [`Authorization_: ${bearer}`]],
    ['is a cookie', (bearer) => [`Cookie: access_token=${bearer.slice(7)}; Authorization=${bearer}`]],
  ])('is no good where it %s', async (_, linesOf) => {
    expectRefusal(await send(ROUTE, linesOf(`Bearer ${forge.good()}`)), 401);
  });

  it.each(['access_token', 'token', 'authorization', 'jwt', 'bearer_token'])(
    'is no good in the query as %s, nor in a body',
    async (name) => {
      const token = forge.good();
      expectRefusal(await send(`${ROUTE}?${name}=${token}`, []), 401, token);
      const body = `${name}=${token}`;
      const type = 'Content-Type: application/x-www-form-urlencoded';
      const lines = [type, `Content-Length: ${body.length}`];
      expectRefusal(await send('POST /api/v1/dead-letters/redeliver', lines, body), 401, token);
    },
  );
});

describe('after all of them', () => {
  it('nobody has asked the attacker for a key, and unknown keys were asked for once', () => {
    expect(tried).toBeGreaterThan(FORGERIES.length);
    expect(lured).toBe(0);
    expect(fetches).toBeLessThanOrEqual(2);
  });

  it('each row has a name of its own', () => {
    const names = [...FORGERIES, ...MISUSED, ...POWERLESS, ...GOOD].map(([name]) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
