/** What the service says of what it refuses (RFC 9457). */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  /** Seconds, as of `Retry-After`. */
  readonly retryAfter?: number;
}

/** An answer that says no, or none at all: then the status is 0. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
  }
}

/** What a proxy in front takes off the path, such as `/files`; else nothing. */
export const base = document.documentElement.dataset.base ?? '';

/** An answer that takes longer does not come any more. */
const PATIENCE_MS = 15_000;

const UNREACHABLE: Problem = {
  status: 0,
  code: 'UNREACHABLE',
  title: 'The service cannot be reached.',
};

const NO_ANSWER: Problem = { status: 0, code: 'NO_ANSWER', title: 'No answer came within 15 s.' };
const NO_ANSWER_TO_ORDER: Problem = {
  ...NO_ANSWER,
  detail: 'No answer came within 15 s. It may be done all the same: look before you ask again.',
};

/** Asks the API. The token stays in the memory of this page: it stands in no URL, cookie or storage. */
export class Api {
  token = '';

  /** Gives the JSON of an answer that comes in time; undefined where there is none. @throws ApiError */
  async ask<T>(
    path: string,
    init: { readonly method?: string; readonly body?: object; readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
    try {
      const response = await this.send(path, { ...init, signal });
      if (!response.ok) throw new ApiError(await problemOf(response));
      const text = await response.text();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service's answers have the shapes that it documents
      return (text === '' ? undefined : JSON.parse(text)) as T;
    } catch (error) {
      if (!late.aborted || signal.reason !== late.reason || error instanceof ApiError) throw error;
      throw new ApiError(noAnswerTo(init.method));
    }
  }

  /** Sends a request with the token. @throws ApiError where no answer comes, DOMException when it is aborted */
  async send(
    path: string,
    {
      method = 'GET',
      body,
      signal,
    }: { readonly method?: string; readonly body?: object; readonly signal?: AbortSignal },
  ): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (body) headers['Content-Type'] = 'application/json';
    try {
      return await fetch(`${base}${path}`, {
        method,
        headers,
        signal,
        cache: 'no-store',
        credentials: 'omit',
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(UNREACHABLE);
    }
  }
}

function noAnswerTo(method = 'GET'): Problem {
  return method === 'GET' ? NO_ANSWER : NO_ANSWER_TO_ORDER;
}

/** What an answer that is no success says. */
export async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return { ...problemIn(await response.text(), response.status), ...(retryAfter >= 0 && { retryAfter }) };
}

/** The problem in the text of an answer; a proxy in front may have made it, and say something else. */
export function problemIn(text: string, status: number): Problem {
  const unknown = { status, code: 'UNKNOWN', title: `The answer was ${status}.` };
  try {
    const value: unknown = JSON.parse(text);
    return hasCode(value) ? { ...unknown, ...value } : unknown;
  } catch {
    return unknown;
  }
}

function hasCode(value: unknown): value is { readonly code: string } {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}
