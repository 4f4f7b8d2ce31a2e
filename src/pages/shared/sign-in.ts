import type * as OAuth from 'oauth4webapi';
import { base } from './api.js';

/** What the service says of the issuer; `src/console/sign-in-settings.ts` writes it. */
interface Settings {
  readonly issuer: string;
  readonly client_id: string;
  readonly scope: string;
  readonly resource?: string;
  /** All that this page may ask for it. */
  readonly origins: readonly string[];
}

/** What has to be known again when the issuer sends somebody back. */
interface Begun {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** What was looked at. */
  readonly view: string;
}

/** The module of that package, which the service puts next to this one where people sign in. */
const LIBRARY = './oauth4webapi.js';

/** Kept in the storage of this tab, from when it goes to the issuer until it is back. */
const BEGUN = 'ingester.sign-in';

/** An answer that takes longer does not come any more. */
const PATIENCE_MS = 15_000;

/** Nobody was signed in, for a reason in words. */
class SignInError extends Error {
  override readonly name = 'SignInError';
}

/**
 * Signs in at the issuer of the service with OpenID Connect: authorization code and PKCE, as a public client. The page is
 * left for the issuer's, which sends back to it with a code, and the code is exchanged for the token.
 */
export class SignIn {
  private constructor(
    private readonly settings: Settings,
    /** Where the issuer sends back to: a page of ours, without a query. */
    private readonly page: string,
  ) {
    // The way back leads to this page as it was, and no answer comes any more.
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) takeBegun();
    });
  }

  /** For the page at a path such as `/console`; undefined where tokens are pasted alone. */
  static at(path: string): SignIn | undefined {
    const { signIn = '' } = document.documentElement.dataset;
    if (signIn === '') return undefined;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service writes what it documents
    return new SignIn(JSON.parse(signIn) as Settings, `${location.origin}${base}${path}`);
  }

  /** Where people sign in, for them to read. */
  get host(): string {
    return new URL(this.settings.issuer).host;
  }

  /** Leaves for the page of the issuer. @throws Error that says why not */
  async leave(): Promise<void> {
    if (!isSecureContext) throw new SignInError('Signing in needs https, which this page does not have.');
    const oauth = await library();
    const server = await this.discover(oauth);
    const url = authorizationUrl(server);
    const begun: Begun = {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
      view: `${location.pathname}${location.search}`,
    };
    for (const [name, value] of Object.entries({
      response_type: 'code',
      client_id: this.settings.client_id,
      redirect_uri: this.page,
      scope: this.settings.scope,
      ...this.resource,
      state: begun.state,
      ...(this.wantsIdToken && { nonce: begun.nonce }),
      code_challenge: await oauth.calculatePKCECodeChallenge(begun.verifier),
      code_challenge_method: 'S256',
    }))
      url.searchParams.set(name, value);
    sessionStorage.setItem(BEGUN, JSON.stringify(begun));
    location.assign(url);
  }

  /**
   * The token, where the issuer sent somebody back to this page; undefined where it was opened otherwise. To be called before
   * anything else: it takes the code from the address, puts back what was looked at, and forgets what was kept.
   */
  comeBack(): Promise<string> | undefined {
    const begun = takeBegun();
    const answer = new URL(location.href);
    const isHere = `${answer.origin}${answer.pathname}`.replace(/\/$/, '') === this.page.replace(/\/$/, '');
    if (!isHere || !(answer.searchParams.has('code') || answer.searchParams.has('error'))) return undefined;
    history.replaceState(null, '', begun?.view ?? answer.pathname);
    return this.exchange(answer.searchParams, begun);
  }

  private async exchange(answer: URLSearchParams, begun: Begun | undefined): Promise<string> {
    if (!begun) throw new SignInError('This tab did not begin the sign-in that comes back. Sign in again.');
    const oauth = await library();
    const server = await this.discover(oauth);
    const { client, options } = this.calls(oauth);
    try {
      const parameters = oauth.validateAuthResponse(server, client, answer, begun.state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        oauth.None(),
        parameters,
        this.page,
        begun.verifier,
        { ...options, additionalParameters: this.resource },
      );
      const tokens = await oauth.processAuthorizationCodeResponse(
        server,
        client,
        response,
        this.wantsIdToken ? { expectedNonce: begun.nonce } : {},
      );
      return tokens.access_token;
    } catch (error) {
      throw this.inWords(oauth, error);
    }
  }

  private async discover(oauth: typeof OAuth): Promise<OAuth.AuthorizationServer> {
    const issuer = new URL(this.settings.issuer);
    try {
      const response = await oauth.discoveryRequest(issuer, this.calls(oauth).options);
      return await oauth.processDiscoveryResponse(issuer, response);
    } catch (error) {
      throw this.inWords(oauth, error);
    }
  }

  /** An ID token comes along with this scope. It is checked and not used. */
  private get wantsIdToken(): boolean {
    return this.settings.scope.split(' ').includes('openid');
  }

  private get resource(): Record<string, string> {
    const { resource } = this.settings;
    return resource === undefined ? {} : { resource };
  }

  private calls(oauth: typeof OAuth) {
    return {
      client: { client_id: this.settings.client_id },
      options: {
        [oauth.customFetch]: (url: string, init: RequestInit) => this.ask(url, init),
        // The service takes such an issuer only where its operator says so.
        [oauth.allowInsecureRequests]: this.settings.issuer.startsWith('http:'),
      },
    };
  }

  /** @throws SignInError where no answer comes */
  private async ask(url: string, init: RequestInit): Promise<Response> {
    const { origin } = new URL(url);
    if (!this.settings.origins.includes(origin))
      throw new SignInError(`The issuer names ${origin}, which this page may not ask: see OIDC_ORIGINS.`);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      return await fetch(url, { ...init, signal, cache: 'no-store', credentials: 'omit' });
    } catch {
      throw new SignInError(
        signal.aborted
          ? `${origin} did not answer within 15 s. Try again later.`
          : `${origin} cannot be reached, or does not let this page ask it (CORS).`,
      );
    }
  }

  private inWords(oauth: typeof OAuth, error: unknown): Error {
    if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) {
      const { error: code, error_description: description } = error;
      return new SignInError(`${this.host} refused: ${description ?? 'it does not say why'} (${code})`);
    }
    if (error instanceof SignInError) return error;
    const why = error instanceof Error ? error.message : String(error);
    return new SignInError(`What ${this.host} answered is not taken: ${why}.`);
  }
}

/** @throws SignInError */
async function library(): Promise<typeof OAuth> {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is the module as it is in the package
    return (await import(LIBRARY)) as typeof OAuth;
  } catch {
    throw new SignInError('What this page signs in with could not be loaded. Reload the page.');
  }
}

/** Nothing else than a page of the web is gone to. @throws SignInError */
function authorizationUrl({ authorization_endpoint: endpoint = '' }: OAuth.AuthorizationServer): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new SignInError('The issuer names no page to sign in at.');
}

function takeBegun(): Begun | undefined {
  const text = sessionStorage.getItem(BEGUN);
  sessionStorage.removeItem(BEGUN);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- this page alone writes it
  return text === null ? undefined : (JSON.parse(text) as Begun);
}
