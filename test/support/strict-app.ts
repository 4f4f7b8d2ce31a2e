import { expect } from '@jest/globals';
import { type RunningApp, startApp } from './app.js';
import { eventually } from './eventually.js';
import { MULTIPART_TYPE } from './multipart.js';
import { RawClient, type RawResponse } from './raw-client.js';
import { storedPaths } from './stored-files.js';

export const UPLOAD = 'POST /api/v1/files/upload';
export const MAX_FILE_BYTES = 1_000_000;

/** The service with tight limits, and clients that send it what they should not. */
export interface StrictApp {
  readonly running: RunningApp;
  /** The value of `Authorization` of a user who may upload. */
  readonly authorization: string;
  connect(): Promise<RawClient>;
  /** Opens a connection and sends the head of a multipart upload with these headers over the usual ones. */
  open(headers: Record<string, string | number>): Promise<RawClient>;
  /** Sends a whole form and gives the answer. */
  send(body: Buffer, headers?: Record<string, string | number>): Promise<RawResponse>;
  /** Closes the clients of one test; nothing may be stored, and the service must live. */
  expectUnharmed(): Promise<void>;
}

export async function startStrictApp(): Promise<StrictApp> {
  const running = await startApp({
    MAX_FILE_BYTES: String(MAX_FILE_BYTES),
    MAX_FIELD_BYTES: '2000',
    CLIENT_IDLE_TIMEOUT_MS: '400',
    CLIENT_MIN_BYTES_PER_SECOND: '1000',
    CLIENT_MIN_RATE_WINDOW_MS: '800',
    ALLOWED_MEDIA_TYPES: 'text/*,image/png',
  });
  const authorization = `Bearer ${await running.token()}`;
  const clients: RawClient[] = [];
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.connect(running.port);
    clients.push(client);
    return client;
  };
  const open = async (headers: Record<string, string | number>): Promise<RawClient> => {
    const usual = { Authorization: authorization, 'Content-Type': MULTIPART_TYPE };
    return (await connect()).head(UPLOAD, { ...usual, ...headers });
  };
  return {
    running,
    authorization,
    connect,
    open,
    send: async (body, headers = {}) =>
      (await open({ 'Content-Length': body.length, ...headers })).send(body).response(),
    expectUnharmed: async () => {
      for (const client of clients.splice(0)) client.close();
      await eventually(async () => expect(await storedPaths(running.dataDir)).toEqual([]));
      expect((await fetch(`${running.url}/health`)).status).toBe(200);
    },
  };
}

/** Expects a whole problem+json answer, and gives the problem. */
export function expectProblem(response: RawResponse, status: number, code: string): Record<string, unknown> {
  const problem = response.json();
  expect([response.status, problem.code]).toEqual([status, code]);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(problem).toMatchObject({ status, retryable: expect.any(Boolean), trace_id: expect.any(String) });
  return problem;
}
