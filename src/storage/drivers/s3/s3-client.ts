import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { Logger } from '@nestjs/common';
import { abortable } from '../../../outbound/abortable.js';
import { complaintOf, headerOf, type S3Answer } from './s3-answers.js';
import type { S3Credentials, S3Identity } from './s3-credentials.js';
import { queryText, type S3Endpoint } from './s3-endpoint.js';
import { answerFailure } from './s3-errors.js';
import { S3Exchange } from './s3-exchange.js';
import type { S3Limits } from './s3-settings.js';
import type { S3Signer } from './s3-signer.js';
import type { Payload } from './payload.js';
import { storageFailed } from '../storage-failures.js';

/** What is asked of the bucket. */
export interface S3Request {
  /** What S3 calls it: `PutObject`. */
  readonly operation: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Unset: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: Payload;
  /** Bytes of the file that the store has to be done with when it answers, where those are more than the payload's. */
  readonly bytes?: number;
}

export interface S3ClientParts {
  /** Connections for files, or for all else, so that a question does not wait for those. */
  readonly dispatcher: (what: 'files' | 'questions') => Dispatcher;
  readonly endpoint: S3Endpoint;
  readonly signer: S3Signer;
  readonly credentials: S3Credentials;
  readonly limits: S3Limits;
  readonly region: string;
  /** For log lines. */
  readonly elementId: string;
}

/** A clock that is wrong by less is no reason for a refusal. */
const SKEW_MS = 5 * 60_000;

const STALE = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'TokenRefreshRequired',
  'InvalidToken',
  'InvalidAccessKeyId',
]);

const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** Sends signed requests to one bucket. It makes one attempt, but for what is put right at once: clock and credentials. */
export class S3Client {
  private readonly logger = new Logger(S3Client.name);

  constructor(private readonly parts: S3ClientParts) {}

  /** Gives the answer, whatever its status. @throws STORAGE_FAILED, STORAGE_TIMEOUT, or the reason of `signal` */
  async send(request: S3Request, signal: AbortSignal): Promise<S3Answer> {
    signal.throwIfAborted();
    const identity = await this.#identity(signal, () => this.parts.credentials.current());
    const answer = await this.#sendAs(identity, request, signal);
    if (answer.status < 400) return answer;
    if (isSkewed(answer, this.parts.signer.nowMs())) {
      this.#setClock(answer);
      return this.#sendAs(identity, request, signal);
    }
    if (!isStale(request, answer)) return answer;
    const renewed = await this.#identity(signal, () => this.parts.credentials.renewed(identity));
    if (isSame(renewed, identity)) return answer;
    this.logger.log(
      `Storage element ${this.parts.elementId}: the credentials had ended, and were read again`,
    );
    return this.#sendAs(renewed, request, signal);
  }

  /** Gives the answer, where that is a success. @throws also STORAGE_FULL */
  async succeed(request: S3Request, signal: AbortSignal): Promise<S3Answer> {
    const answer = await this.send(request, signal);
    if (answer.status >= 300 || complaintOf(answer)) throw this.failureOf(request, answer);
    return answer;
  }

  failureOf({ operation }: Pick<S3Request, 'operation'>, answer: S3Answer): Error {
    return answerFailure(operation, answer, this.parts.region);
  }

  async #sendAs(identity: S3Identity, request: S3Request, signal: AbortSignal): Promise<S3Answer> {
    const { endpoint, limits, signer, dispatcher } = this.parts;
    const { method, key, query = {}, payload } = request;
    const path = endpoint.path(key);
    const unsigned = {
      ...request.headers,
      ...(payload && { 'content-length': String(payload.size) }),
      'x-amz-content-sha256': this.#payloadHash(payload),
    };
    const headers = await signer.signed({ method, path, query, headers: unsigned }, identity);
    signal.throwIfAborted();
    const search = queryText(query);
    const body = payload && payload.size > 0 ? payload.open(signal) : undefined;
    const exchange = new S3Exchange(
      {
        method,
        path: search ? `${path}?${search}` : path,
        headers,
        body,
        bytes: request.bytes ?? payload?.size ?? 0,
      },
      limits,
    );
    return exchange.run(dispatcher(isFile(request) ? 'files' : 'questions'), signal);
  }

  /** Over TLS nobody can change the bytes, so that they need not be hashed before they are sent. */
  #payloadHash(payload: Payload | undefined): string {
    if (!payload || payload.size === 0) return EMPTY_SHA256;
    const known = payload.digests.sha256?.toString('hex');
    if (known !== undefined) return known;
    if (this.parts.endpoint.isEncrypted) return 'UNSIGNED-PAYLOAD';
    throw new Error('What is sent without TLS must have been hashed before');
  }

  /** Who leaves does not wait for an endpoint of credentials that is slow. */
  async #identity(signal: AbortSignal, look: () => Promise<S3Identity>): Promise<S3Identity> {
    try {
      return await abortable(signal, look());
    } catch (error) {
      signal.throwIfAborted();
      throw storageFailed('There are no credentials for the storage element.', error);
    }
  }

  #setClock(answer: S3Answer): void {
    const { signer, elementId } = this.parts;
    const storeMs = dateOf(answer);
    if (storeMs === undefined) return;
    const seconds = Math.round((storeMs - Date.now()) / 1000);
    this.logger.warn(
      `Storage element ${elementId}: its clock is ${seconds} s before ours; requests are signed with its time`,
    );
    signer.setClock(storeMs);
  }
}

/** The order to join parts is a question: its payload is a list. */
function isFile({ method, payload }: S3Request): boolean {
  return method === 'PUT' && payload !== undefined;
}

/** An answer to HEAD does not say why it is a refusal: then the clocks are compared. */
function isSkewed(answer: S3Answer, nowMs: number): boolean {
  const storeMs = dateOf(answer);
  if (answer.status !== 403 || storeMs === undefined) return false;
  const code = complaintOf(answer)?.code;
  return code === 'RequestTimeTooSkewed' || (code === undefined && Math.abs(storeMs - nowMs) > SKEW_MS);
}

function dateOf(answer: S3Answer): number | undefined {
  const ms = Date.parse(headerOf(answer, 'date') ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function isStale({ method }: S3Request, answer: S3Answer): boolean {
  const code = complaintOf(answer)?.code;
  return code === undefined ? method === 'HEAD' && answer.status === 400 : STALE.has(code);
}

function isSame(one: S3Identity, other: S3Identity): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  );
}
