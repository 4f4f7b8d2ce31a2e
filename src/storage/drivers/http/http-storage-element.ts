import { type Dispatcher, Pool } from 'undici';
import { withoutEndSlashes } from '../../../config/end-slashes.js';
import { abortable } from '../../../outbound/abortable.js';
import type { ServiceTokens } from '../../../service-tokens/service-tokens.service.js';
import type {
  ElementHealth,
  FileBody,
  FileDescription,
  StorageElement,
  StoredFile,
} from '../../storage-element.js';
import { FILE_ID, storedFileFrom } from './element-answers.js';
import { answerFailure, type ElementAnswer } from './element-errors.js';
import { sendUpload } from './element-upload.js';
import type { OutgoingForm } from './outgoing-form.js';
import { WholeMultipart } from './whole-multipart.js';
import { OutgoingMultipart } from './outgoing-multipart.js';
import { withoutOwnName } from './own-names.js';
import { traceHeaders } from '../trace-headers.js';
import type { CallLimits } from '../upload-timeouts.js';
import { retryAfterMsOf, storageTimeout, transportFailure } from '../storage-failures.js';

export interface HttpStorageElementSettings extends CallLimits {
  readonly id: string;
  /** Where the element listens; a path is kept as a prefix. */
  readonly url: string;
  /** What the element may know us by. */
  readonly clientId?: string;
  readonly acceptsEmptyFiles: boolean;
}

/** What an element says of a token that has ended, or that was given before we had the rights for it. */
const TOKEN_REFUSALS = new Set([401, 403]);

/** Larger answers fail: receipts and metadata are far smaller. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * A storage element behind HTTP, of either generation. An abort after the last byte of a file leaves open whether
 * the element keeps it: ask with `stat` before sending it again.
 */
export class HttpStorageElement implements StorageElement {
  readonly id: string;
  readonly acceptsEmptyFiles: boolean;
  readonly #origin: string;
  readonly #basePath: string;
  #opened: Dispatcher | undefined;

  constructor(
    private readonly settings: HttpStorageElementSettings,
    private readonly tokens: Pick<ServiceTokens, 'token' | 'renew'>,
  ) {
    this.id = settings.id;
    this.acceptsEmptyFiles = settings.acceptsEmptyFiles;
    const { origin, pathname } = new URL(settings.url);
    this.#origin = origin;
    this.#basePath = withoutEndSlashes(pathname);
  }

  async put(file: FileDescription, body: FileBody, signal: AbortSignal): Promise<StoredFile> {
    signal.throwIfAborted();
    // Somebody who leaves does not wait for a token endpoint that is slow.
    const token = await abortable(signal, this.tokens.token());
    signal.throwIfAborted();
    const form = formOf(file, body);
    let answer = await this.#upload(form, token, signal);
    if (token !== undefined && TOKEN_REFUSALS.has(answer.status)) {
      const renewed = await abortable(signal, this.tokens.renew(token));
      signal.throwIfAborted();
      // What was read of a stream is gone; and the same token would be refused again.
      if (form.repeatable && renewed !== token)
        answer = await this.#upload(formOf(file, body), renewed, signal);
    }
    if (answer.status !== 200 && answer.status !== 201) throw answerFailure(answer);
    return storedFileFrom(answer);
  }

  async stat(fileId: string): Promise<StoredFile | undefined> {
    if (!FILE_ID.test(fileId)) return undefined;
    const answer = await this.#ask('GET', `/api/v1/files/${fileId}`);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw answerFailure(answer);
    return withoutOwnName(storedFileFrom(answer), this.settings.clientId, await this.tokens.token());
  }

  async remove(fileId: string): Promise<void> {
    if (!FILE_ID.test(fileId)) return;
    const answer = await this.#ask('DELETE', `/api/v1/files/${fileId}`);
    if (answer.status >= 300 && answer.status !== 404) throw answerFailure(answer);
  }

  async health(): Promise<ElementHealth> {
    try {
      // The endpoint is open; without our token a dead token endpoint does not make the element look dead.
      const { status } = await this.#within(this.settings.requestMs, (signal) =>
        this.#send('GET', '/health/ready', undefined, signal),
      );
      return status === 200 ? { up: true } : { up: false, reason: `answered ${status}` };
    } catch (error) {
      return { up: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async close(): Promise<void> {
    // Uploads have had their grace; a probe that still waits must not hold the shutdown up.
    await this.#opened?.destroy();
  }

  #upload(form: OutgoingForm, token: string | undefined, signal: AbortSignal): Promise<ElementAnswer> {
    const headers = {
      ...authorization(token),
      'content-type': form.contentType,
      ...(form.contentLength !== undefined && { 'content-length': String(form.contentLength) }),
    };
    const path = `${this.#basePath}/api/v1/files/upload`;
    return sendUpload(this.#dispatcher(), { path, headers, form }, this.settings, signal);
  }

  /** A call without a body, made once more with a new token where the first was refused. Waiting for a token is not its time. */
  async #ask(method: 'GET' | 'DELETE', path: string): Promise<ElementAnswer> {
    const token = await this.tokens.token();
    const answer = await this.#askWith(token, method, path);
    if (token === undefined || !TOKEN_REFUSALS.has(answer.status)) return answer;
    const renewed = await this.tokens.renew(token);
    return renewed === token ? answer : this.#askWith(renewed, method, path);
  }

  #askWith(token: string | undefined, method: 'GET' | 'DELETE', path: string): Promise<ElementAnswer> {
    return this.#within(this.settings.requestMs, (signal) => this.#send(method, path, token, signal));
  }

  async #send(
    method: 'GET' | 'DELETE',
    path: string,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<ElementAnswer> {
    try {
      const response = await this.#dispatcher().request({
        method,
        path: this.#basePath + path,
        headers: authorization(token),
        signal,
      });
      const retryAfterMs = retryAfterMsOf(response.headers);
      return { status: response.statusCode, retryAfterMs, text: await response.body.text() };
    } catch (error) {
      throw transportFailure(error);
    }
  }

  async #within<T>(timeoutMs: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const timer = setTimeout(() => {
      controller.abort(storageTimeout('The storage element did not answer in time.', 'headers'));
    }, timeoutMs);
    try {
      return await abortable(controller.signal, call(controller.signal));
    } finally {
      clearTimeout(timer);
    }
  }

  /** undici's own timers are off: its headers timeout fires while an element still reads a slow body. */
  #dispatcher(): Dispatcher {
    this.#opened ??= new Pool(this.#origin, {
      connections: this.settings.maxConnections,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: this.settings.connectMs },
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_ANSWER_BYTES,
    }).compose(traceHeaders);
    return this.#opened;
  }
}

function formOf(file: FileDescription, body: FileBody): OutgoingForm {
  const parts = {
    description: file.description,
    tags: JSON.stringify(file.tags),
    retention_policy: file.retentionPolicy,
    ttl_days: file.ttlDays === null ? null : String(file.ttlDays),
    uploaded_by_id: file.uploadedBy,
    uploaded_by_username: file.uploadedByUsername,
    file_id: file.fileId,
    metadata: JSON.stringify(file.metadata),
  };
  const part = { filename: file.originalFilename, contentType: file.contentType };
  const whole = body.takeWhole();
  return whole ? new WholeMultipart(parts, part, whole) : new OutgoingMultipart(parts, part, body);
}

function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
