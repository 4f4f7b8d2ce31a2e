import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, startBrowser } from '../support/browser.js';
import { CLIENT_ID, OidcIssuer, RESOURCE } from '../support/oidc-issuer.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';
import { ConsolePage } from './console-page.js';

const VIEW = 'dead-letters?reason=STORAGE_FAILED&target=se-01';
const OTHER_ORIGIN = 'https://tokens.example';
const STORED = 'JSON.stringify([{ ...sessionStorage }, { ...localStorage }])';

describeInBrowser('signing in with OpenID Connect', () => {
  let keys: TestKeys;
  let issuer: OidcIssuer;
  let service: ServiceProcess;
  let withoutSignIn: ServiceProcess;
  let url: string;
  let browser: Browser;
  let console: ConsolePage;
  let page: Page;
  /** The URLs of all requests. */
  let asked: string[];
  /** All tokens that the page sent. */
  let tokens: Set<string>;

  beforeAll(async () => {
    keys = await createTestKeys();
    issuer = await OidcIssuer.start(keys);
    [service, withoutSignIn, browser] = await Promise.all([
      startServiceProcess({
        JWT_JWKS_URL: `${issuer.origin}/jwks`,
        JWT_JWKS_COOLDOWN_MS: '1',
        JWT_ISSUER: issuer.origin,
        JWT_AUDIENCE: RESOURCE,
        JWT_CLOCK_TOLERANCE_MS: '0',
        OIDC_CLIENT_ID: CLIENT_ID,
        OIDC_SCOPE: 'openid upload',
        OIDC_RESOURCE: RESOURCE,
        OIDC_ORIGINS: OTHER_ORIGIN,
      }),
      startServiceProcess(),
      startBrowser(),
    ]);
    url = await urlOf(service);
    issuer.register([`${url}/console`, `${url}/`]);
  });
  beforeEach(async () => {
    issuer.reset();
    await open(url);
  });
  afterEach(() => console.close());
  afterAll(async () => {
    await browser.close();
    await Promise.all([service.dispose(), withoutSignIn.dispose(), issuer.close()]);
  });

  const open = async (origin: string): Promise<void> => {
    console = await ConsolePage.open(browser, origin, {
      others: [issuer.origin],
      refused: /blocked by CORS policy|net::ERR_FAILED/,
    });
    ({ page } = console);
    asked = [];
    tokens = new Set();
    page.on('request', (request) => {
      asked.push(request.url());
      const { authorization } = request.headers();
      if (authorization !== undefined) tokens.add(authorization.replace('Bearer ', ''));
    });
  };
  const signIn = (): Promise<void> => page.getByRole('button', { name: 'Sign in at 127.0.0.1:' }).click();
  const choose = (name: string): Promise<void> => page.getByRole('link', { name }).click();
  const authorization = (): URLSearchParams =>
    new URL(asked.find((each) => each.startsWith(`${issuer.origin}/auth?`)) ?? issuer.origin).searchParams;
  const paste = async (): Promise<void> => {
    const token = await keys.sign({ sub: 'olga', role: 'admin', iss: issuer.origin, aud: RESOURCE });
    await page.getByLabel('Or paste a token').fill(token);
    await page.keyboard.press('Enter');
  };
  const expectViewWithData = async (): Promise<void> => {
    await page.getByRole('heading', { name: 'Dead letters', exact: true }).waitFor();
    await page.getByText('No dead letter').first().waitFor();
    expect(await page.getByLabel('Cause', { exact: true }).inputValue()).toBe('STORAGE_FAILED');
    await expectNothingLeft();
  };
  const expectNothingLeft = async (): Promise<void> => {
    expect(page.url()).toBe(`${url}/console/${VIEW}`);
    expect(await page.evaluate(STORED)).toBe('[{},{}]');
  };

  it('comes back to what was looked at, with its filter, and keeps the token in memory alone', async () => {
    await page.goto(`${url}/console/${VIEW}`);
    await console.expectAccessible('sign-in');
    await signIn();
    await choose('I am olga');
    await expectViewWithData();
    expect(Object.fromEntries(authorization())).toEqual({
      response_type: 'code',
      client_id: CLIENT_ID,
      redirect_uri: `${url}/console`,
      scope: 'openid upload',
      resource: RESOURCE,
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    const [token = ''] = tokens;
    expect(token).toMatch(/^ey/);
    expect(tokens.size).toBe(1);
    expect(asked.filter((each) => each.includes(token))).toEqual([]);
    expect(await page.content()).not.toContain(token);
    // A reload asks again, and the way back leads to no address with the code.
    await page.reload();
    await page.getByRole('button', { name: 'Sign in at' }).waitFor();
    await page.goBack();
    expect(page.url()).not.toContain('code=');
  });

  it.each([
    ['another state', 'unexpected "state"', { state: 'of-somebody-else' }],
    ['no state', '"state" missing', { state: undefined }],
    ['another issuer', 'unexpected "iss"', { iss: 'https://login.evil.example' }],
    ['no issuer', '"iss" (issuer) missing', { iss: undefined }],
  ])('takes no answer with %s, and a pasted token still', async (_, words, change) => {
    await page.goto(`${url}/console/${VIEW}`);
    await signIn();
    await page.getByRole('link', { name: 'I am olga' }).waitFor();
    const answer = { code: 'a-code', state: authorization().get('state'), iss: issuer.origin, ...change };
    const given = Object.entries(answer).flatMap(([name, value]) => (value ? [[name, value]] : []));
    await page.goto(`${url}/console?${new URLSearchParams(given)}`);
    await page.getByRole('alert').filter({ hasText: words }).waitFor();
    expect(issuer.asked).not.toContain('POST /token');
    await expectNothingLeft();
    await paste();
    await expectViewWithData();
  });

  it('takes no answer to what this tab did not begin', async () => {
    await page.goto(`${url}/console?code=a-code&state=a-state`);
    await page.getByText('This tab did not begin the sign-in').waitFor();
    expect(page.url()).toBe(`${url}/console`);
    expect(issuer.asked).toEqual([]);
  });

  it('says what the issuer refuses, in its words, and where the token does not suffice', async () => {
    await page.goto(`${url}/console/${VIEW}`);
    await signIn();
    await choose('No');
    await page.getByText('refused: The user said no (access_denied)').waitFor();
    await expectNothingLeft();
    await console.expectAccessible('sign-in-refused', ['narrow-dark']);
    await page.route('**/token', (route) =>
      route.fulfill({
        status: 400,
        headers: { 'Access-Control-Allow-Origin': '*' },
        json: { error: 'invalid_grant', error_description: 'The code is too old' },
      }),
    );
    await signIn();
    await choose('I am alice');
    await page.getByText('refused: The code is too old (invalid_grant)').waitFor();
    await page.unroute('**/token');
    // Who is known to the issuer is not asked again.
    await signIn();
    await page.getByText('The token is good, but does not allow this').waitFor();
    await paste();
    await expectViewWithData();
  });

  it('says that the issuer is away or does not let pages ask, and goes on where it is back', async () => {
    issuer.isAway = true;
    await page.goto(`${url}/console/${VIEW}`);
    await signIn();
    const unreachable = page.getByText(`${issuer.origin} cannot be reached, or does not let this page ask`);
    await unreachable.waitFor();
    issuer.isAway = false;
    issuer.allowsPages = false;
    await signIn();
    await choose('I am olga');
    await unreachable.waitFor();
    await expectNothingLeft();
    issuer.allowsPages = true;
    await signIn();
    await expectViewWithData();
  });

  it('asks only what the operator named', async () => {
    await page.route('**/.well-known/openid-configuration', async (route) => {
      const response = await route.fetch();
      const metadata = (await response.json()) as object;
      await route.fulfill({ response, json: { ...metadata, token_endpoint: 'https://elsewhere.example/t' } });
    });
    await page.goto(`${url}/console/${VIEW}`);
    await signIn();
    await choose('I am olga');
    await page
      .getByText('names https://elsewhere.example, which this page may not ask: see OIDC_ORIGINS')
      .waitFor();
    await expectNothingLeft();
  });

  it('asks again when the token ends', async () => {
    issuer.ttlSeconds = 2;
    await page.goto(`${url}/console/${VIEW}`);
    await signIn();
    await choose('I am olga');
    await page.getByText('The token is not accepted any more').waitFor({ timeout: 20_000 });
    issuer.ttlSeconds = 600;
    await signIn();
    await expectViewWithData();
  });

  it('is there on the upload page as well', async () => {
    await page.goto(`${url}/`);
    await console.expectAccessible('sign-in-upload');
    await signIn();
    await choose('No');
    await page.getByText('refused: The user said no (access_denied)').waitFor();
    await signIn();
    await choose('I am alice');
    await page.getByText('Token of alice, good until').waitFor();
    await page.getByLabel('Choose files').setInputFiles({
      name: 'a.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('a file'),
    });
    await page.getByText('Stored').first().waitFor();
    expect([page.url(), await page.evaluate(STORED)]).toEqual([`${url}/`, '[{},{}]']);
  });

  it('may ask the issuer and the named origins, and loads what it signs in with when it does', async () => {
    const response = await page.goto(`${url}/console`);
    expect(response?.headers()['content-security-policy']).toContain(
      `; connect-src 'self' ${issuer.origin} ${OTHER_ORIGIN}; base-uri 'none'; form-action 'none';`,
    );
    await page.getByRole('button', { name: 'Sign in at' }).waitFor();
    expect(asked.filter((each) => each.includes('oauth4webapi'))).toEqual([]);
  });

  it('is not there without OIDC_CLIENT_ID, nor is what it signs in with', async () => {
    await console.close();
    const origin = await urlOf(withoutSignIn);
    await open(origin);
    const response = await page.goto(`${origin}/console`);
    expect(response?.headers()['content-security-policy']).toContain("; connect-src 'self'; ");
    await page.getByLabel('Token').waitFor();
    expect(await page.getByRole('button').count()).toBe(1);
    const assets = asked.find((each) => each.endsWith('/shared/api.js')) ?? '';
    const library = await fetch(assets.replace('api.js', 'oauth4webapi.js'));
    expect([(await fetch(assets)).status, library.status]).toEqual([200, 404]);
    expect(asked.filter((each) => each.includes('oauth4webapi'))).toEqual([]);
  });
});

async function urlOf(service: ServiceProcess): Promise<string> {
  return `http://127.0.0.1:${await service.port()}`;
}
