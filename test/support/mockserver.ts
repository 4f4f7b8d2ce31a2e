import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe } from '@jest/globals';
import { z } from 'zod';
import { listen, shut } from './local-server.js';

/*
 * A real MockServer with mocks/*.json. The jar comes with the npm package `mockserver-node`; its own launcher
 * is not used, because it leaves the Java process behind when we are killed.
 */

const START_TIMEOUT_MS = 60_000;
const START_POLL_MS = 200;
const KEPT_OUTPUT_CHARS = 20_000;

/** What it remembers of requests: a few large ones would fill its memory otherwise. */
const REMEMBERED_BYTES = 32 * 1024 * 1024;

const root = join(import.meta.dirname, '../..');

/** A MockServer that somebody else runs, as docker-compose.test.yml does. Unset: we start our own. */
const runningUrl = process.env.MOCKSERVER_URL;
const usable = runningUrl !== undefined || spawnSync('java', ['-version']).status === 0;

if (!usable) {
  process.stderr.write('No Java runtime is here (17 or newer): the MockServer specs are skipped.\n');
}

/** `describe` where MockServer can run, else `describe.skip`. */
export const describeWithMockServer = usable ? describe : describe.skip;

/** An expectation or a request matcher in MockServer's own format. */
type MockServerJson = Record<string, unknown>;

const mocksSchema = z.array(z.record(z.string(), z.unknown()));

const receivedSchema = z.array(
  z.object({
    method: z.string(),
    path: z.string(),
    headers: z.record(z.string(), z.array(z.string())),
    body: z.object({ rawBytes: z.base64().optional() }).optional(),
  }),
);

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface MockServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** Adds expectations; one with a known `id` replaces the former. */
  expect(...expectations: MockServerJson[]): Promise<void>;
  /** The requests so far that fit `matcher`, oldest first; old ones are forgotten. */
  received(matcher: MockServerJson): Promise<ReceivedRequest[]>;
  /** Ends the process that `startMockServer` started. */
  stop(): Promise<void>;
}

/** Starts MockServer, or takes the one at `MOCKSERVER_URL`, and loads mocks/*.json. */
export async function startMockServer(): Promise<MockServer> {
  const process = runningUrl === undefined ? await startProcess() : undefined;
  const url = process?.url ?? (runningUrl ?? '').replace(/\/+$/, '');
  const server = mockServerAt(url, async () => process?.stop());
  try {
    await answering(url);
    await server.expect(...(await mocks()));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

function mockServerAt(url: string, stop: () => Promise<void>): MockServer {
  return {
    url,
    stop,
    expect: async (...expectations) => {
      await control(url, 'expectation', expectations);
    },
    received: async (matcher) => {
      const requests = await control(url, 'retrieve?type=REQUESTS&format=JSON', matcher);
      return receivedSchema.parse(requests).map(({ method, path, headers, body }) => ({
        method,
        path,
        headers: headersOf(headers),
        body: Buffer.from(body?.rawBytes ?? '', 'base64'),
      }));
    },
  };
}

function headersOf(received: Record<string, string[]>): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(received)) headers.set(name, values.join(', '));
  return headers;
}

async function control(url: string, command: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url}/mockserver/${command}`, { method: 'PUT', body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`MockServer refused ${command} with ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

async function mocks(): Promise<MockServerJson[]> {
  const files = (await readdir(join(root, 'mocks'))).filter((name) => name.endsWith('.json'));
  const texts = await Promise.all(files.map((name) => readFile(join(root, 'mocks', name), 'utf8')));
  return texts.flatMap((text) => mocksSchema.parse(JSON.parse(text)));
}

/** A container may be up before the server in it is. `ended` says why there will be no answer. */
async function answering(url: string, ended: () => string | undefined = () => undefined): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await control(url, 'status', {});
      return;
    } catch (error) {
      const why = ended() ?? (Date.now() > deadline ? `no MockServer answers at ${url}` : undefined);
      if (why !== undefined) throw new Error(why, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
    }
  }
}

async function startProcess(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = await freeUrl();
  const command = javaCommand(new URL(url).port);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'end-with-parent.js'), ...command]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
    });
  }
  const exited = once(child, 'close');
  const stop = async () => {
    child.stdin.end();
    await exited;
  };
  try {
    await answering(url, () => (child.exitCode === null ? undefined : `MockServer ended:\n${output}`));
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A port that was free a moment ago. MockServer takes one by itself, and says which only in a log that is far too long. */
async function freeUrl(): Promise<string> {
  const probe = createServer();
  const url = await listen(probe);
  await shut(probe);
  return url;
}

function javaCommand(port: string): string[] {
  const home = dirname(createRequire(import.meta.url).resolve('mockserver-node/package.json'));
  return [
    'java',
    '-Xmx256m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Dfile.encoding=UTF-8',
    '-Dmockserver.localBoundIP=127.0.0.1',
    // Else it writes the certificate of its TLS proxy into the working directory.
    '-Dmockserver.proxySetupLogging=false',
    `-Dmockserver.maxEventLogSizeInBytes=${REMEMBERED_BYTES}`,
    '-jar',
    join(home, 'mockserver-netty-8.0.0-jar-with-dependencies.jar'),
    '-serverPort',
    port,
    // Below that it writes out each body, several times as long, and keeps what it wrote.
    '-logLevel',
    'WARN',
  ];
}
