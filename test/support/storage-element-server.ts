import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { type ReceivedForm, readForm } from './form-reader.js';
import { listen, shut } from './local-server.js';

/** What goes wrong with every upload while it is set; `afterBytes` counts bytes of the body. */
export type UploadFault =
  /** Answers `status` with `body` after the whole upload, or early after `afterBytes`; then reads no more. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly afterBytes?: number;
      /** Keeps the file all the same, where the answer comes after the whole upload. */
      readonly keeps?: boolean;
    }
  /** After the last byte where the body is shorter than that; nothing is kept. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** Reads no more, and says nothing; where the body is shorter, it is read whole, and not kept. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Reads on when `until` resolves, and then takes the file as if nothing had been; keeps nothing when it rejects. */
  | { readonly kind: 'wait'; readonly until: Promise<void> }
  /** Keeps the whole file and never answers. */
  | { readonly kind: 'hang' }
  /** Keeps the whole file and breaks the connection off, before its answer or in the middle of it. */
  | { readonly kind: 'lost-answer' }
  | { readonly kind: 'half-answer' }
  | { readonly kind: 'wrong-checksum' }
  | { readonly kind: 'wrong-size' };

export interface StorageElementOptions {
  /** Whose receipts it writes. */
  generation: 'artStore' | 'goartstore';
  /** One for all uploads, or one for each by its headers. */
  fault?: UploadFault | ((headers: IncomingHttpHeaders) => UploadFault | undefined);
  /** Tokens that it takes; unset: any, and none. */
  acceptedTokens?: readonly string[];
  /** Status for other tokens. */
  tokenRefusal: 401 | 403;
  /** Ignores the hint `file_id`. */
  choosesOwnIds: boolean;
  /** Status of `/health/ready`. */
  readyStatus: number;
  /** Answers to everything but uploads come after so many milliseconds. */
  delayMs: number;
  /** Answers to questions after files, instead of the true ones. */
  questionFault?: { readonly status: number; readonly headers: Readonly<Record<string, string>> };
  /** Status with which it answers to removals, and removes nothing. */
  removalStatus?: number;
  /** Lets nothing be removed, as an element of mode `rw`. */
  keepsFiles: boolean;
}

export interface FinishedFile extends ReceivedForm {
  readonly fileId: string;
  readonly uploadedAt: string;
}

/** One upload from its first byte on. */
export interface ReceivedUpload {
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the body that were read. */
  bytes: number;
  state: 'receiving' | 'finished' | 'refused' | 'aborted';
}

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly at: Date;
}

/**
 * A storage element of contracts section 3 in this process, without an authority but the tests. `options` may
 * be changed at any time. It keeps what it knows of files, not their bytes.
 */
export class StorageElementServer {
  readonly files = new Map<string, FinishedFile>();
  readonly uploads: ReceivedUpload[] = [];
  readonly requests: ReceivedRequest[] = [];
  readonly options: StorageElementOptions;
  url = '';

  private constructor(
    private readonly server: Server,
    options: Partial<StorageElementOptions>,
  ) {
    this.options = {
      generation: 'goartstore',
      tokenRefusal: 401,
      choosesOwnIds: false,
      readyStatus: 200,
      delayMs: 0,
      keepsFiles: false,
      ...options,
    };
    server.on('request', (request, response) => {
      this.answer(request, response).catch(() => request.destroy());
    });
  }

  static async start(options: Partial<StorageElementOptions> = {}): Promise<StorageElementServer> {
    // After 5 s, Node's default, a machine that is busy closes connections on which the next request has come already.
    const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 });
    const element = new StorageElementServer(server, options);
    element.url = await listen(server);
    return element;
  }

  /** Dies: what is under way is cut off, and nobody listens any more. */
  close(): Promise<void> {
    return shut(this.server);
  }

  /** Listens again where it did before it died; what it had stored is still there. */
  async comeBack(): Promise<void> {
    await listen(this.server, Number(new URL(this.url).port));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, path: url, headers, at: new Date() });
    if (method === 'POST' && url === '/api/v1/files/upload') {
      await this.receive(request, response);
      return;
    }
    // Whom a test keeps waiting beyond its end does not keep the process alive.
    if (this.options.delayMs > 0) await setTimeout(this.options.delayMs, undefined, { ref: false });
    if (url === '/health/ready') send(response, this.options.readyStatus, { status: 'ok' });
    else if (!this.isAuthorized(headers)) this.refuse(response, this.options.tokenRefusal, 'Unauthorized');
    else this.answerFile(method, decodeURIComponent(url.replace('/api/v1/files/', '')), response);
  }

  private answerFile(method: string, fileId: string, response: ServerResponse): void {
    const { questionFault, removalStatus } = this.options;
    const file = this.files.get(fileId);
    if (questionFault) response.writeHead(questionFault.status, questionFault.headers).end();
    else if (!file) this.refuse(response, 404, 'File not found');
    else if (method === 'GET') send(response, 200, this.receipt(file));
    else if (removalStatus) this.refuse(response, removalStatus, 'Not now');
    else if (method === 'DELETE' && !this.options.keepsFiles) {
      this.files.delete(fileId);
      response.writeHead(204).end();
    } else this.refuse(response, 405, 'Method not allowed');
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const upload: ReceivedUpload = { headers: request.headers, bytes: 0, state: 'receiving' };
    this.uploads.push(upload);
    if (!this.isAuthorized(request.headers)) {
      upload.state = 'refused';
      this.refuse(response, this.options.tokenRefusal, 'Unauthorized');
      return;
    }
    try {
      const form = await readForm(request, async (bytes, chunkBytes) => {
        upload.bytes = bytes;
        await this.disturb(upload, chunkBytes, request, response);
      });
      const fault = this.faultOf(upload);
      if (fault?.kind === 'reset' || fault?.kind === 'stall') await this.strike(upload, request, response);
      this.finish(upload, form, response);
    } catch (error) {
      if (upload.state === 'receiving') upload.state = 'aborted';
      throw error;
    }
  }

  private faultOf({ headers }: ReceivedUpload): UploadFault | undefined {
    const { fault } = this.options;
    return typeof fault === 'function' ? fault(headers) : fault;
  }

  /** What the fault does in the middle of an upload; the sender waits for it. */
  private async disturb(
    upload: ReceivedUpload,
    chunkBytes: number,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const fault = this.faultOf(upload);
    if (fault?.kind === 'slow') await pauseOpen(request, (chunkBytes / fault.bytesPerSecond) * 1000);
    if (fault?.kind === 'wait') await fault.until;
    if (!fault || !('afterBytes' in fault) || upload.bytes < (fault.afterBytes ?? Infinity)) return;
    await this.strike(upload, request, response);
  }

  /** Ends the upload as the fault says. Always throws, once the connection is closed. */
  private async strike(
    upload: ReceivedUpload,
    { socket }: IncomingMessage,
    response: ServerResponse,
  ): Promise<never> {
    const fault = this.faultOf(upload);
    upload.state = 'refused';
    if (fault?.kind === 'answer') response.writeHead(fault.status, fault.headers).end(fault.body);
    if (fault?.kind === 'reset') socket.resetAndDestroy();
    if (!socket.closed) await once(socket, 'close');
    throw new Error(`the fault ${fault?.kind} ended the upload`);
  }

  private finish(upload: ReceivedUpload, form: ReceivedForm, response: ServerResponse): void {
    const fault = this.faultOf(upload);
    const refuses = fault?.kind === 'answer' && !fault.keeps;
    upload.state = refuses ? 'refused' : 'finished';
    if (refuses) {
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    this.answerKept(this.keep(form), fault, response);
  }

  private answerKept(file: FinishedFile, fault: UploadFault | undefined, response: ServerResponse): void {
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'answer') response.writeHead(fault.status, fault.headers).end(fault.body);
    else if (fault?.kind === 'lost-answer') response.socket?.resetAndDestroy();
    else if (fault?.kind === 'half-answer') sendHalf(response, this.receipt(file));
    else this.acknowledge(file, fault, response);
  }

  private acknowledge(file: FinishedFile, fault: UploadFault | undefined, response: ServerResponse): void {
    const claimed = {
      ...file,
      ...(fault?.kind === 'wrong-checksum' && { sha256: '0'.repeat(64) }),
      ...(fault?.kind === 'wrong-size' && { size: file.size - 1 }),
    };
    send(response, 201, this.receipt(claimed));
  }

  private keep(form: ReceivedForm): FinishedFile {
    const hint = form.fields.file_id;
    const fileId = this.options.choosesOwnIds || hint === undefined ? randomUUID() : hint;
    const file = { ...form, fileId, uploadedAt: new Date().toISOString() };
    this.files.set(fileId, file);
    return file;
  }

  private receipt(file: FinishedFile): Record<string, unknown> {
    const common = { file_id: file.fileId, original_filename: file.filename, checksum: file.sha256 };
    return this.options.generation === 'artStore'
      ? { ...common, file_size: file.size, message: 'File uploaded successfully' }
      : {
          ...common,
          content_type: file.contentType,
          size: file.size,
          uploaded_by: file.fields.uploaded_by_id,
          uploaded_at: file.uploadedAt,
          status: 'active',
        };
  }

  private refuse(response: ServerResponse, status: number, message: string): void {
    const body =
      this.options.generation === 'artStore'
        ? { detail: message }
        : { error: { code: `E${status}`, message } };
    send(response, status, body);
  }

  private isAuthorized({ authorization = '' }: IncomingHttpHeaders): boolean {
    const { acceptedTokens } = this.options;
    return !acceptedTokens || acceptedTokens.some((token) => authorization === `Bearer ${token}`);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendHalf(response: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': text.length });
  response.write(text.slice(0, text.length / 2), () => response.destroy());
}

/** Waits `ms` milliseconds. @throws Error at once when the sender goes away. */
async function pauseOpen({ socket }: IncomingMessage, ms: number): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const gone = once(socket, 'close', { signal }).then(() => {
    throw new Error('the sender went away');
  });
  try {
    await Promise.race([setTimeout(ms, undefined, { signal }), gone]);
  } finally {
    gone.catch(() => undefined);
    over.abort();
  }
}
