import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Configuration, Provider } from 'oidc-provider';
import { listen, shut } from './local-server.js';
import { memoryAdapter } from './oidc-memory.js';
import type { TestKeys } from './tokens.js';

/** What its tokens are for. */
export const RESOURCE = 'https://ingester.example/api';
export const CLIENT_ID = 'ingester-pages';

const SCOPE = 'upload';

/** A real OpenID provider with one public client. Its users have no passwords: they choose who they are, or refuse. */
export class OidcIssuer {
  /** Requests as `GET /auth`, oldest first. */
  readonly asked: string[] = [];
  /** Seconds that tokens are good for. */
  ttlSeconds = 600;
  /** It lets pages of other origins ask for tokens. */
  allowsPages = true;
  /** It cuts every connection. */
  isAway = false;
  origin = '';
  private provider: Provider | undefined;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  private constructor(private readonly keys: TestKeys) {}

  static async start(keys: TestKeys): Promise<OidcIssuer> {
    const issuer = new OidcIssuer(keys);
    issuer.origin = await listen(issuer.server);
    return issuer;
  }

  /** Answers from now on, and sends back to these addresses. */
  register(redirectUris: readonly string[]): void {
    this.provider = new Provider(this.origin, this.configuration(redirectUris));
  }

  /** Is as it was at first. Who is signed in stays so. */
  reset(): void {
    this.asked.length = 0;
    this.ttlSeconds = 600;
    this.allowsPages = true;
    this.isAway = false;
  }

  close(): Promise<void> {
    return shut(this.server);
  }

  private configuration(redirectUris: readonly string[]): Configuration {
    return {
      clients: [
        {
          client_id: CLIENT_ID,
          token_endpoint_auth_method: 'none',
          redirect_uris: [...redirectUris],
          response_types: ['code'],
          grant_types: ['authorization_code'],
        },
      ],
      jwks: { keys: [this.keys.privateKey.export({ format: 'jwk' })] as never },
      adapter: memoryAdapter(),
      ttl: { AccessToken: () => this.ttlSeconds, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
      cookies: { keys: ['of a test'] },
      clientBasedCORS: () => this.allowsPages,
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
      extraTokenClaims: (_, token) => ({
        role: 'accountId' in token && token.accountId === 'olga' ? 'admin' : 'user',
      }),
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      // Nobody is asked whether the client may have what it asks for.
      loadExistingGrant: async ({ oidc }) => {
        if (!oidc.client || !oidc.session?.accountId || !oidc.provider) return undefined;
        const { clientId } = oidc.client;
        const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session.accountId });
        grant.addOIDCScope('openid');
        grant.addResourceScope(RESOURCE, SCOPE);
        await grant.save();
        return grant;
      },
      features: {
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: SCOPE,
            audience: RESOURCE,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    };
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.origin);
    this.asked.push(`${request.method} ${pathname}`);
    if (this.isAway || !this.provider) {
      request.socket.destroy();
    } else if (!pathname.startsWith('/interaction/')) {
      await this.provider.callback()(request, response);
    } else if (searchParams.has('as')) {
      const login = { accountId: searchParams.get('as') ?? '' };
      await this.provider.interactionFinished(request, response, { login });
    } else if (searchParams.has('no')) {
      const refusal = { error: 'access_denied', error_description: 'The user said no' };
      await this.provider.interactionFinished(request, response, refusal);
    } else {
      response.setHeader('Content-Type', 'text/html');
      response.end(
        '<a href="?as=olga">I am olga</a> <a href="?as=alice">I am alice</a> <a href="?no">No</a>',
      );
    }
  }
}
