import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen, shut } from './local-server.js';

export interface TokenRequest {
  readonly headers: IncomingHttpHeaders;
  /** The body as it came. */
  readonly body: string;
}

export interface TokenEndpointOptions {
  /** `expires_in` of the tokens, in seconds. */
  expiresIn: number;
  /** What is answered instead of a token. `hang`: nothing; `reset`: the connection is reset. */
  fault?: { readonly status: number; readonly body: string } | 'hang' | 'reset';
  /** No request is answered before this resolves. */
  gate?: Promise<void>;
}

/** A token endpoint of contracts section 2 in this process; its tokens are `token-1`, `token-2` and so on. */
export class TokenEndpointServer {
  readonly requests: TokenRequest[] = [];
  readonly options: TokenEndpointOptions;
  url = '';
  private issued = 0;

  private constructor(
    private readonly server: Server,
    options: Partial<TokenEndpointOptions>,
  ) {
    this.options = { expiresIn: 1800, ...options };
    server.on('request', (request, response) => {
      void text(request).then(
        (body) => this.answer({ headers: request.headers, body }, response),
        () => response.destroy(),
      );
    });
  }

  static async start(options: Partial<TokenEndpointOptions> = {}): Promise<TokenEndpointServer> {
    const server = createServer();
    const endpoint = new TokenEndpointServer(server, options);
    endpoint.url = `${await listen(server)}/oauth/token?tenant=a`;
    return endpoint;
  }

  close(): Promise<void> {
    return shut(this.server);
  }

  private async answer(request: TokenRequest, response: ServerResponse): Promise<void> {
    this.requests.push(request);
    await this.options.gate;
    const { fault } = this.options;
    if (fault === 'hang') return;
    if (fault === 'reset') {
      response.socket?.resetAndDestroy();
      return;
    }
    const answer = fault ?? { status: 200, body: JSON.stringify(this.token()) };
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  }

  private token(): Record<string, unknown> {
    this.issued += 1;
    return {
      access_token: `token-${this.issued}`,
      token_type: 'Bearer',
      expires_in: this.options.expiresIn,
      scope: 'files:write',
    };
  }
}
