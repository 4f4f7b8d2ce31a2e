import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { listen, shut } from '../local-server.js';
import { DoubleBucket } from './double-bucket.js';
import { type DoubleAnswer, type DoubleRequest, operationOf, perform } from './double-operations.js';
import { checkPayload, readPayload } from './double-payload.js';
import { type S3Fault, takeFault } from './s3-faults.js';
import { errorText, S3Refusal } from './s3-refusal.js';
import { checkSignature, type DoubleIdentity } from './signature-check.js';

export interface S3DoubleOptions {
  readonly bucketName: string;
  readonly region: string;
  /** Who may sign; may change. */
  identities: readonly DoubleIdentity[];
  /** Does it write over what is there, whatever is asked? `refuses`: it answers 501 to conditions. */
  conditions: 'kept' | 'ignored' | 'refused';
  /** How far its clock is before that of the machine. */
  clockOffsetMs: number;
  readonly minPartBytes: number;
  readonly maxObjectBytes: number;
  readonly pageSize: number;
  readonly keepsBytes: boolean;
}

export const DOUBLE_IDENTITY: DoubleIdentity = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'not/a+secret',
};

/** One request that was answered, or is being read. */
export interface ReceivedRequest extends DoubleRequest {
  readonly at: Date;
  status?: number;
}

/**
 * A store that speaks the protocol of S3, in this process: one bucket, in memory. It checks signatures and checksums, keeps
 * conditions, and does what is wrong with it on demand.
 */
export class S3Double {
  readonly options: S3DoubleOptions;
  readonly bucket: DoubleBucket;
  readonly requests: ReceivedRequest[] = [];
  readonly faults: S3Fault[] = [];
  /** Connections that were made to it. */
  connections = 0;
  /** Bytes of bodies that it has read. */
  bytesRead = 0;
  /** Most parts that it was reading at a time. */
  mostPartsAtOnce = 0;
  url = '';
  #partsNow = 0;

  private constructor(
    private readonly server: Server,
    options: Partial<S3DoubleOptions>,
  ) {
    this.options = {
      bucketName: 'files',
      region: 'eu-test-1',
      identities: [DOUBLE_IDENTITY],
      conditions: 'kept',
      clockOffsetMs: 0,
      minPartBytes: 5 * 1024 * 1024,
      maxObjectBytes: Infinity,
      pageSize: 1000,
      keepsBytes: true,
      ...options,
    };
    this.bucket = new DoubleBucket(this.options);
    server.on('connection', () => (this.connections += 1));
    server.on('request', (request, response) => {
      this.#answer(request, response).catch(() => request.destroy());
    });
  }

  static async start(options: Partial<S3DoubleOptions> = {}): Promise<S3Double> {
    const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 });
    const double = new S3Double(server, options);
    double.url = await listen(server);
    return double;
  }

  /** Dies: what is under way is cut off, and nobody listens any more. */
  close(): Promise<void> {
    return shut(this.server);
  }

  /** Listens again where it did before it died; what it had stored is still there. */
  async comeBack(): Promise<void> {
    await listen(this.server, Number(new URL(this.url).port));
  }

  /** How often it was asked for that. */
  count(operation: string): number {
    return this.requests.filter((request) => request.operation === operation).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = this.#understood(request);
    this.requests.push(received);
    const fault = takeFault(this.faults, received);
    try {
      await this.#serve(request, response, received, fault);
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error;
      received.status = error.status;
      this.#send(response, received, {
        status: error.status,
        headers: { 'content-type': 'application/xml', ...error.more.headers },
        body: errorText(error),
      });
    }
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    received: ReceivedRequest,
    fault: S3Fault['does'] | undefined,
  ): Promise<void> {
    if (fault?.kind === 'stall') return void (await once(request.socket, 'close'));
    if (fault?.kind === 'answer' && fault.early) throw refusalOf(fault);
    const { identities, region, clockOffsetMs } = this.options;
    checkSignature(request, { identities, region, nowMs: Date.now() + clockOffsetMs });
    const bytes = await this.#read(request, received);
    checkPayload(bytes, request.headers);
    const instead = fault && (await insteadOf(fault));
    if (instead === 'cut') request.socket.resetAndDestroy();
    else await this.#finish(response, received, instead ?? this.#perform(received, bytes), fault);
  }

  async #finish(
    response: ServerResponse,
    received: ReceivedRequest,
    answer: DoubleAnswer,
    fault: S3Fault['does'] | undefined,
  ): Promise<void> {
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'blanks') await sendBlanks(response, fault.ms);
    if (fault?.kind === 'cut') response.socket?.resetAndDestroy();
    else this.#send(response, received, answer);
  }

  #perform(received: ReceivedRequest, bytes: Buffer): DoubleAnswer {
    const { conditions, pageSize } = this.options;
    if (conditions === 'refused' && received.headers['if-none-match']) {
      throw new S3Refusal(
        501,
        'NotImplemented',
        'A header you provided implies functionality that is not implemented.',
      );
    }
    return perform(this.bucket, received, bytes, { ignoresConditions: conditions === 'ignored', pageSize });
  }

  async #read(request: IncomingMessage, { operation }: ReceivedRequest): Promise<Buffer> {
    const isPart = operation === 'UploadPart';
    if (isPart) this.mostPartsAtOnce = Math.max(this.mostPartsAtOnce, (this.#partsNow += 1));
    try {
      return await readPayload(request, (bytes) => {
        this.bytesRead += bytes;
      });
    } finally {
      if (isPart) this.#partsNow -= 1;
    }
  }

  /** In path style and as a virtual host. @throws S3Refusal */
  #understood({ method = '', url = '', headers }: IncomingMessage): ReceivedRequest {
    const { bucketName } = this.options;
    const { pathname, searchParams: query } = new URL(url, 'http://any');
    const isVirtual = headers.host?.startsWith(`${bucketName}.`) ?? false;
    const [, first = '', rest = ''] = isVirtual ? ['', bucketName, pathname.slice(1)] : splitPath(pathname);
    const key = decodeURIComponent(rest);
    const operation = first === bucketName ? operationOf(method, key, query) : 'Elsewhere';
    const partNumber = query.has('partNumber') ? Number(query.get('partNumber')) : undefined;
    return { operation, method, key, query, headers, partNumber, at: new Date() };
  }

  #send(
    response: ServerResponse,
    received: ReceivedRequest,
    { status, headers, body = '', size = Buffer.byteLength(body) }: DoubleAnswer,
  ): void {
    received.status = status;
    if (response.destroyed) return;
    const date = new Date(Date.now() + this.options.clockOffsetMs).toUTCString();
    if (!response.headersSent) {
      response.writeHead(status, { date, ...headers, 'content-length': size });
    }
    response.end(received.method === 'HEAD' ? undefined : body);
  }
}

function splitPath(pathname: string): string[] {
  const [, first = '', rest = ''] = /^\/([^/]*)\/?(.*)$/s.exec(pathname) ?? [];
  return ['', first, rest];
}

/** What comes of a request in place of what it asks for; undefined where that is done. @throws S3Refusal */
async function insteadOf(fault: S3Fault['does']): Promise<DoubleAnswer | 'cut' | undefined> {
  if (fault.kind === 'answer') throw refusalOf(fault);
  if (fault.kind === 'wait') await fault.until;
  if (fault.kind === 'cut' && fault.when === 'before') return 'cut';
  return fault.kind === 'error-in-200' ? errorIn200(fault.code) : undefined;
}

function refusalOf({ status, code, headers }: Extract<S3Fault['does'], { kind: 'answer' }>): S3Refusal {
  return new S3Refusal(status, code, 'As it was told to.', { headers });
}

function errorIn200(code: string): DoubleAnswer {
  return { status: 200, body: errorText(new S3Refusal(200, code, 'We encountered an internal error.')) };
}

/** As S3 does while it joins many parts. */
async function sendBlanks(response: ServerResponse, ms: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/xml' });
  for (const until = performance.now() + ms; performance.now() < until;) {
    response.write(' ');
    await setTimeout(20, undefined, { ref: false });
  }
}
