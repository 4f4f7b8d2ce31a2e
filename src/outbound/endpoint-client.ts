import { isNativeError } from 'node:util/types';
import { type Dispatcher, Pool } from 'undici';
import { ServiceError } from '../errors/service-error.js';
import { abortable } from './abortable.js';
import { systemClock } from '../timing/clock.js';
import { DeadlineSignal } from './deadline/deadline-signal.js';
import { parseRetryAfter } from './retry-after.js';
import { TargetFailure } from './target-failure.js';

/** Times are those of one attempt, in milliseconds. */
export interface EndpointLimits {
  readonly connectMs: number;
  /** For the whole answer, connecting included. */
  readonly answerMs: number;
  readonly connections: number;
}

export interface EndpointRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface EndpointAnswer {
  readonly statusCode: number;
  readonly text: string;
  /** When it wants to be asked again, in milliseconds from the answer on: `Retry-After`. */
  readonly retryAfterMs: number | undefined;
}

/**
 * An answer that is not the one hoped for: the cause behind a `ServiceError`, by which it is classified. It does not
 * hold the text of the answer, which may be a secret or echo one.
 */
export class EndpointAnswerError extends TargetFailure {
  override readonly name = 'EndpointAnswerError';

  constructor({ statusCode, retryAfterMs }: EndpointAnswer, what: string) {
    super(`answered ${statusCode}, ${what}`, { statusCode, retryAfterMs });
  }
}

/**
 * Asks one URL for answers that fit into memory, over connections of its own, opened when they are first needed.
 * It makes one attempt and follows no redirect; what else happens is for the outbound interceptors.
 */
export class EndpointClient {
  readonly #url: URL;
  readonly #limits: EndpointLimits;
  readonly #maxAnswerBytes: number;
  #pool: Pool | undefined;

  constructor(url: string, limits: EndpointLimits, maxAnswerBytes: number) {
    this.#url = new URL(url);
    this.#limits = limits;
    this.#maxAnswerBytes = maxAnswerBytes;
  }

  /**
   * Gives the answer, whatever its status. @throws the reason of `signal`, else the error of undici, a `TargetFailure`
   * when the time of the attempt is over or the deadline of the whole call passes meanwhile
   */
  async ask(request: EndpointRequest, signal: AbortSignal): Promise<EndpointAnswer> {
    const attempt = new DeadlineSignal(signal);
    const { answerMs } = this.#limits;
    const timer = setTimeout(() => attempt.abort(lateAnswer(`no answer in ${answerMs} ms`)), answerMs);
    try {
      return await abortable(attempt.signal, this.#exchange(request, attempt.signal));
    } catch (error) {
      throw withoutBytes(attempt.signal.aborted ? blamed(attempt.signal.reason) : error);
    } finally {
      clearTimeout(timer);
      attempt.dispose();
    }
  }

  /** Closes the connections; calls under way fail. */
  async close(): Promise<void> {
    await this.#pool?.destroy();
  }

  async #exchange(request: EndpointRequest, signal: AbortSignal): Promise<EndpointAnswer> {
    const path = this.#url.pathname + this.#url.search;
    const { statusCode, headers, body } = await this.#dispatcher().request({ ...request, path, signal });
    const retryAfterMs = parseRetryAfter(headers['retry-after'], systemClock.wallMs());
    return { statusCode, text: await body.text(), retryAfterMs };
  }

  /** The timer of the attempt is for answers that drip: undici's only see silence. */
  #dispatcher(): Dispatcher {
    const { connectMs, answerMs } = this.#limits;
    this.#pool ??= new Pool(this.#url.origin, {
      connections: this.#limits.connections,
      allowH2: false,
      connect: { timeout: connectMs },
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
      maxResponseSize: this.#maxAnswerBytes,
    });
    return this.#pool;
  }
}

/** A deadline that passes while it is the endpoint's turn is its fault: it had all the time that was left. */
function blamed(reason: unknown): unknown {
  const isLate = reason instanceof ServiceError && reason.code === 'DEADLINE_EXCEEDED';
  return isLate ? lateAnswer('no answer before the deadline', reason) : reason;
}

/** No whole answer came in time. */
function lateAnswer(what: string, cause?: unknown): TargetFailure {
  return new TargetFailure(what, { timeoutPhase: 'headers' }, { cause });
}

/** undici's parser quotes what it could not read, and that may be a token. */
function withoutBytes(error: unknown): unknown {
  if (!isNativeError(error) || !('data' in error)) return error;
  const { name, message } = error;
  return Object.assign(new Error(message), { name, ...('code' in error && { code: error.code }) });
}
