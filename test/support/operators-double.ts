import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen, shut } from './local-server.js';
import type { Json } from './operators-data.js';

/** What the double answers under a path: a status and a body. */
export type Answer = readonly [status: number, body?: Json];

/** A request that changes something, as it came. */
export interface Order {
  readonly method: string;
  readonly path: string;
  readonly body: Json;
}

/**
 * Serves the pages of a real service, with its headers, and answers for its API with what a test says: any state of many
 * replicas is there at once.
 */
export class OperatorsDouble {
  readonly answers = new Map<string, Answer>();
  readonly orders: Order[] = [];
  /** Paths and queries that were asked for. */
  readonly asked: string[] = [];
  /** What a stream begins with. */
  snapshot: Json = {};
  /** Why no stream is given, if so. */
  refusal: Answer | undefined;
  origin = '';
  private readonly watchers = new Set<ServerResponse>();
  private readonly server = createServer((incoming, response) => void this.serve(incoming, response));

  constructor(private readonly serviceUrl: string) {}

  async start(): Promise<this> {
    this.origin = await listen(this.server);
    return this;
  }

  get watcherCount(): number {
    return this.watchers.size;
  }

  /** Sends a snapshot to all who watch. */
  push(snapshot: Json): void {
    this.snapshot = snapshot;
    for (const watcher of this.watchers) watcher.write(eventOf(snapshot));
  }

  /** Breaks all streams off. */
  breakOff(): void {
    for (const watcher of this.watchers) watcher.destroy();
    this.watchers.clear();
  }

  async close(): Promise<void> {
    this.breakOff();
    await shut(this.server);
  }

  private async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = incoming.url ?? '/';
    if (!path.startsWith('/api/')) {
      this.passOn(path, response);
      return;
    }
    if (path === '/api/v1/live') {
      this.stream(response);
      return;
    }
    const { method = 'GET' } = incoming;
    this.asked.push(path);
    if (method !== 'GET')
      this.orders.push({ method, path, body: JSON.parse((await text(incoming)) || '{}') as Json });
    const known = this.answers.get(`${method} ${path.split('?')[0]}`);
    send(
      response,
      known ?? (method === 'GET' ? [404, problem(404, 'NOT_FOUND', 'There is no such resource.')] : [204]),
    );
  }

  private stream(response: ServerResponse): void {
    if (this.refusal) {
      send(response, this.refusal);
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(`retry: 2000\n\n: heartbeat\n\n${eventOf(this.snapshot)}`);
    this.watchers.add(response);
    response.once('close', () => this.watchers.delete(response));
  }

  private passOn(path: string, response: ServerResponse): void {
    request(`${this.serviceUrl}${path}`, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    }).end();
  }
}

export function problem(status: number, code: string, detail: string): Json {
  return { type: `https://example.com/${code}`, title: code, status, code, detail };
}

function send(response: ServerResponse, [status, body]: Answer): void {
  const headers = { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' };
  if (body) response.writeHead(status, headers).end(JSON.stringify(body));
  else response.writeHead(status).end();
}

function eventOf(snapshot: Json): string {
  return `event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`;
}
