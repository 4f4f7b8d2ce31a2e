import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { startApp, type RunningApp } from '../support/app.js';
import type { MockServer, ReceivedRequest } from '../support/mockserver.js';

const jsonObject = z.record(z.string(), z.unknown());

/** The file that the mocks of stored uploads know; mocks/README.md lists all. */
export const HELLO = 'Hello, storage element!\n';

export interface ServiceSetUp {
  /** Base path of the element for temporary files. */
  readonly temporary?: string;
  /** Base path of the element for permanent files. */
  readonly permanent?: string;
  /** Client id with which the service asks for its own token. */
  readonly clientId?: string;
  readonly variables?: Record<string, string>;
}

/** Starts the service with MockServer as its Admin module and its storage elements. */
export function startService(mock: MockServer, setUp: ServiceSetUp = {}): Promise<RunningApp> {
  const { temporary = '/artstore', permanent = '/goartstore', clientId = 'ingester' } = setUp;
  return startApp({
    STORAGE_ELEMENTS: JSON.stringify([
      { id: 'temporary', driver: 'http', mode: 'edit', url: mock.url + temporary },
      { id: 'permanent', driver: 'http', mode: 'rw', url: mock.url + permanent },
    ]),
    SERVICE_TOKEN_URL: `${mock.url}/admin/oauth/token`,
    SERVICE_CLIENT_ID: clientId,
    SERVICE_CLIENT_SECRET: 'mock-secret',
    // Every case has a failing element of its own, and none shall meet the circuit that another one opened.
    STORAGE_CIRCUIT_FAILURE_THRESHOLD: '10000',
    STORAGE_RETRY_BASE_MS: '10',
    // Nothing is kept for later: what could not be stored would be sent again and again meanwhile.
    DELIVER_LATER: 'false',
    ...setUp.variables,
  });
}

/** Runs `work` with a service of its own. */
export async function withService<T>(
  mock: MockServer,
  setUp: ServiceSetUp,
  work: (service: RunningApp) => Promise<T>,
): Promise<T> {
  const service = await startService(mock, setUp);
  try {
    return await work(service);
  } finally {
    await service.close();
  }
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** The body as it came. */
  readonly text: string;
  /** By which MockServer finds what we sent on for this request. */
  readonly requestId: string;
}

/** A file as a client sends it, with text parts before it. */
export interface SentFile {
  readonly name?: string;
  readonly content?: string;
  readonly type?: string;
  readonly fields?: Record<string, string>;
  /** Replaces the valid token; an empty one sends none. */
  readonly token?: string;
}

/** Sends a multipart upload. */
export function upload(service: RunningApp, file: SentFile = {}): Promise<Answer> {
  const { name = 'hello.txt', content = HELLO, type = 'text/plain', fields = {} } = file;
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  form.append('file', new Blob([content], { type }), name);
  return send(service, file.token, { url: `${service.url}/api/v1/files/upload`, method: 'POST', body: form });
}

/** Sends a file as a raw body, under the id of the caller. */
export function put(service: RunningApp, id: string, content = HELLO): Promise<Answer> {
  return send(service, undefined, {
    url: `${service.url}/api/v1/files/${id}`,
    method: 'PUT',
    body: content,
    headers: { 'content-type': 'text/plain', 'content-disposition': 'attachment; filename="hello.txt"' },
  });
}

async function send(
  service: RunningApp,
  token: string | undefined,
  {
    url,
    headers,
    ...request
  }: Omit<RequestInit, 'headers'> & { url: string; headers?: Record<string, string> },
): Promise<Answer> {
  const requestId = randomUUID();
  const bearer = token ?? (await service.token());
  const response = await fetch(url, {
    ...request,
    headers: { ...headers, 'x-request-id': requestId, ...(bearer && { authorization: `Bearer ${bearer}` }) },
  });
  const text = await response.text();
  return { status: response.status, text, body: jsonObject.parse(JSON.parse(text)), requestId };
}

/** What reached the storage elements for one request of a client. */
export function sentOn(mock: MockServer, requestId: string, method = 'POST'): Promise<ReceivedRequest[]> {
  return mock.received({ method, headers: { 'x-request-id': [requestId] } });
}
