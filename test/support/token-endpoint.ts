import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen, shut } from './local-server.js';

export interface TokenRequest {
  readonly headers: IncomingHttpHeaders;
  /** The body as it came. */
  readonly body: string;
}

/** What is answered instead of a token. */
export type TokenFault =
  | {
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Nothing. */
  | 'hang'
  /** The connection is reset. */
  | 'reset'
  /** A good answer that breaks off. */
  | 'half'
  /** A good answer of which a byte comes now and then. */
  | 'drip';

export interface TokenEndpointOptions {
  /** `expires_in` of the tokens, in seconds. */
  expiresIn: number;
  fault?: TokenFault;
  /** No request is answered before this resolves. */
  gate?: Promise<void>;
}

const DRIP_EVERY_MS = 50;

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

  /** On a free port where none is given. */
  static async start(options: Partial<TokenEndpointOptions> = {}, port = 0): Promise<TokenEndpointServer> {
    const server = createServer();
    const endpoint = new TokenEndpointServer(server, options);
    endpoint.url = `${await listen(server, port)}/oauth/token?tenant=a`;
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
    if (typeof fault === 'object') {
      const { status, headers = {}, body } = fault;
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
      return;
    }
    const body = JSON.stringify(this.token());
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    if (fault === 'half') response.write(body.slice(0, body.length / 2), () => response.destroy());
    else if (fault === 'drip') drip(body, response);
    else response.end(body);
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

function drip(body: string, response: ServerResponse): void {
  let sent = 0;
  const timer = setInterval(() => {
    response.write(body.charAt(sent));
    sent += 1;
  }, DRIP_EVERY_MS);
  response.once('close', () => clearInterval(timer));
}
