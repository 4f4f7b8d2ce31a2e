import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { eventually } from './eventually.js';
import { listen, shut } from './local-server.js';

/** A span as OTLP in JSON has it, with its attributes as an object. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 2: server, 3: client, 5: consumer. */
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** `code` 2: an error. */
  readonly status: { readonly code: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** A collector that takes OTLP over HTTP and reads it where it is JSON. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly resources: Readonly<Record<string, unknown>>[] = [];
  readonly requests: { path: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
  url = '';

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      this.take(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(createServer());
    receiver.url = await listen(receiver.server);
    return receiver;
  }

  /** Those of a service that sends its spans here, soon. */
  get variables(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: this.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    };
  }

  close(): Promise<void> {
    return shut(this.server);
  }

  /** Listens again where it did before it was closed. */
  async comeBack(): Promise<void> {
    await listen(this.server, Number(new URL(this.url).port));
  }

  /** The spans of that name, once there are so many. */
  async named(name: string, count = 1): Promise<ReceivedSpan[]> {
    const found = (): ReceivedSpan[] => this.spans.filter((span) => span.name === name);
    await eventually(() =>
      found().length < count
        ? Promise.reject(new Error(`${found().length} of ${count}: ${JSON.stringify(this.spans)}`))
        : Promise.resolve(),
    );
    return found();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url: path = '', headers } = request;
    const body = await buffer(request);
    this.requests.push({ path, headers, body });
    if (headers['content-type'] === 'application/json') this.read(body);
    response.end();
  }

  private read(body: Buffer): void {
    const { resourceSpans } = JSON.parse(body.toString());
    for (const { resource, scopeSpans } of resourceSpans) {
      this.resources.push(objectOf(resource.attributes));
      for (const { spans } of scopeSpans)
        for (const span of spans) this.spans.push({ ...span, attributes: objectOf(span.attributes) });
    }
  }
}

function objectOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
