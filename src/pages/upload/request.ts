import { ApiError, base, problemIn, type Problem } from '../shared/api.js';

/** What a request tells while it sends, and how it is ended. */
export interface RequestOptions {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Blob;
  readonly signal: AbortSignal;
  /** So many bytes of the body have gone out. */
  readonly onSent?: (bytes: number) => void;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  header(name: string): string | undefined;
}

/**
 * Sends a request. `fetch` does not tell how much of a body has gone out; this does.
 * @throws ApiError for an answer that says no, or none; DOMException when it is aborted
 */
export function sendRequest({
  method,
  path,
  headers,
  body,
  signal,
  onSent,
}: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    signal.addEventListener('abort', abort, { once: true });
    request.addEventListener('loadend', () => {
      signal.removeEventListener('abort', abort);
      if (signal.aborted) reject(new DOMException('The request was aborted.', 'AbortError'));
      else if (request.status >= 200 && request.status < 300) resolve(answerOf(request));
      else reject(new ApiError(problemOf(request)));
    });
    if (onSent) request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded));
    request.open(method, `${base}${path}`);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body ?? null);
  });
}

function answerOf(request: XMLHttpRequest): Answer {
  return {
    status: request.status,
    text: request.responseText,
    header: (name) => request.getResponseHeader(name) ?? undefined,
  };
}

function problemOf(request: XMLHttpRequest): Problem {
  if (request.status === 0) return { status: 0, code: 'UNREACHABLE', title: 'The connection broke.' };
  const retryAfter = Number(request.getResponseHeader('Retry-After') ?? Number.NaN);
  return { ...problemIn(request.responseText, request.status), ...(retryAfter >= 0 && { retryAfter }) };
}
