import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen, shut } from './local-server.js';

export interface AdminRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  /** As it came, and as JSON. */
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The Admin module of contracts section 2 in this process, as far as files are registered at it. */
export class AdminModuleServer {
  readonly requests: AdminRequest[] = [];
  /** One for each request that comes, and then 201. */
  readonly answers: (AdminAnswer | 'hang' | 'reset')[] = [];
  url = '';

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      void text(request)
        .then((body) =>
          this.answer({ ...headOf(request), text: body, body: Object(JSON.parse(body)) }, response),
        )
        .catch(() => response.destroy());
    });
  }

  static async start(): Promise<AdminModuleServer> {
    const server = createServer();
    const admin = new AdminModuleServer(server);
    admin.url = `${await listen(server)}/admin/`;
    return admin;
  }

  close(): Promise<void> {
    return shut(this.server);
  }

  private answer(request: AdminRequest, response: ServerResponse): void {
    this.requests.push(request);
    const answer = this.answers.shift() ?? { status: 201, body: '{}' };
    if (answer === 'reset') response.socket?.resetAndDestroy();
    else if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
  }
}

function headOf({ method, url, headers }: IncomingMessage): Omit<AdminRequest, 'text' | 'body'> {
  return { path: `${method} ${url}`, authorization: headers.authorization };
}
