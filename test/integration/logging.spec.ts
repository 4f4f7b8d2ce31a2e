import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  type INestApplication,
  InternalServerErrorException,
  Logger,
  Post,
  Req,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Request } from 'express';
import request from 'supertest';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from '../support/parse-environment.js';
import { LOG_DESTINATION } from '../../src/observability/log-destination.js';
import { ObservabilityModule } from '../../src/observability/observability.module.js';
import { outboundHeaders } from '../../src/observability/outbound-headers.js';
import { setUpObservability } from '../../src/observability/set-up-observability.js';
import { eventually } from '../support/eventually.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

@Controller()
class ProbeController {
  private readonly logger = new Logger('Probe');

  @Get('outbound')
  async outbound() {
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.logger.log({ upload_id: 'u-1' }, 'inside of a request');
    return [outboundHeaders(), outboundHeaders()];
  }

  @Get('failing')
  fail() {
    this.logger.error(new Error(`upstream refused Bearer ${TOKEN}`));
    throw new InternalServerErrorException();
  }

  @Post('leaky')
  leak(@Req() { headers }: Request, @Body() body: object) {
    Object.assign(headers, { 'x-copied': headers.authorization });
    this.logger.log({ headers, token: TOKEN, password: 'hunter2', body }, `got ${TOKEN}`);
  }

  @Get('user')
  user(@Req() incoming: Request & { user?: object }) {
    incoming.user = { subject: 'alice', email: 'alice@example.org' };
    return 'ok';
  }

  @Get('health/live')
  live() {
    return 'ok';
  }

  @Get('slow')
  async slow() {
    await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
  }
}

let app: INestApplication;
let url: string;
let written: string[];

const lines = (): Record<string, unknown>[] =>
  written
    .flatMap((chunk) => chunk.trimEnd().split('\n'))
    .map((line): Record<string, unknown> => JSON.parse(line));
const requestLines = () => lines().filter(({ msg }) => String(msg).startsWith('request '));

/** The line of a request is written when its connection is done with it, a moment after the client has the answer. */
async function nextRequestLine(): Promise<Record<string, unknown>> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const [line] = requestLines();
    if (line) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('no line was logged');
}

async function start(env: Record<string, string> = {}): Promise<void> {
  const own: string[] = [];
  const module = await Test.createTestingModule({
    imports: [configModule(parseEnvironment({ NODE_ENV: 'test', ...env })), ObservabilityModule],
    controllers: [ProbeController],
  })
    .overrideProvider(LOG_DESTINATION)
    .useValue({ write: (chunk: string) => own.push(chunk) })
    .compile();
  app = module.createNestApplication({ bufferLogs: true });
  setUpObservability(app);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  own.length = 0;
  written = own;
}

beforeEach(() => start());
afterEach(() => app.close());

describe('the request id', () => {
  it.each(['abc', 'A-Z.a_9', 'x'.repeat(128)])('of the client is taken and sent back: %s', async (id) => {
    const { headers } = await request(url).get('/outbound').set('X-Request-ID', id);
    expect(headers['x-request-id']).toBe(id);
    expect(await nextRequestLine()).toMatchObject({ request_id: id });
  });

  it.each(['', 'with space', 'a,b', '{"a":1}', 'ä', 'x'.repeat(129)])(
    'of the client is replaced by a UUIDv7 when it is not plain: %s',
    async (id) => {
      const { headers } = await request(url).get('/outbound').set('X-Request-ID', encodeLatin1(id));
      expect(headers['x-request-id']).toMatch(UUID_V7);
    },
  );

  it('is on answers of paths that do not exist', async () => {
    const { headers } = await request(url).get('/nowhere').set('X-Request-ID', 'abc');
    expect(headers['x-request-id']).toBe('abc');
  });

  it('is on the lines of handlers and on what goes out, with the trace of the client', async () => {
    const { body } = await request(url)
      .get('/outbound')
      .set({ 'X-Request-ID': 'abc', traceparent: `00-${TRACE}-${SPAN}-01` });
    const line = lines().find(({ msg }) => msg === 'inside of a request');
    expect(line).toMatchObject({ request_id: 'abc', trace_id: TRACE, context: 'Probe', upload_id: 'u-1' });
    const [first, second]: Record<string, string>[] = body;
    expect(first?.['X-Request-ID']).toBe('abc');
    expect(first?.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(first?.traceparent).not.toBe(second?.traceparent);
    expect(first?.traceparent).not.toContain(SPAN);
  });

  it('comes with a trace of its own where the client sent none that is valid', async () => {
    await request(url)
      .get('/outbound')
      .set('traceparent', `00-${'0'.repeat(32)}-${SPAN}-01`);
    expect((await nextRequestLine()).trace_id).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
  });

  it('is absent outside of requests', () => {
    expect(outboundHeaders()).toEqual({});
  });
});

describe('the line of a request', () => {
  it('says what was asked for, by whom, and how it went', async () => {
    await request(url).get('/user?token=secret');
    expect(await nextRequestLine()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'ingester',
      msg: 'request finished',
      request_id: expect.stringMatching(UUID_V7),
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      client_address: '127.0.0.1',
      method: 'GET',
      path: '/user',
      status: 200,
      bytes_in: expect.any(Number),
      bytes_out: expect.any(Number),
      duration_ms: expect.any(Number),
      subject: 'alice',
    });
  });

  it('counts the bytes of each request of a connection by itself', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const answers: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => answers.push(chunk));
    const head =
      'POST /leaky HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n';
    for (const count of [1, 2]) {
      socket.write(head + 'x'.repeat(1000));
      while (requestLines().length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const [first, second] = requestLines();
    expect([first?.bytes_in, second?.bytes_in]).toEqual([head.length + 1000, head.length + 1000]);
    const bytesOut = Number(first?.bytes_out) + Number(second?.bytes_out);
    // The line of an answer may be there before the answer has come.
    await eventually(() => Promise.resolve(expect(Buffer.concat(answers).length).toBe(bytesOut)));
    socket.destroy();
  });

  it('is a warning for an answer of 5xx', async () => {
    await request(url).get('/failing');
    expect(await nextRequestLine()).toMatchObject({ level: 'warn', status: 500 });
  });

  it('says that the client went away', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'connect');
    setTimeout(() => socket.destroy(), 20);
    expect(await nextRequestLine()).toMatchObject({ msg: 'request aborted', status: 499, path: '/slow' });
  });

  it('has the path alone of a target in absolute form', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET http://user:hunter2@x/user?q=secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket.resume(), 'close');
    expect(await nextRequestLine()).toMatchObject({ path: '/user', status: 200 });
    expect(written.join('')).not.toMatch(/hunter2|secret/);
  });

  it('is written at debug for health probes', async () => {
    await request(url).get('/health/live');
    await request(url).get('/user');
    expect(await nextRequestLine()).toMatchObject({ path: '/user' });
    await app.close();
    await start({ LOG_LEVEL: 'debug' });
    await request(url).get('/health/live');
    expect(await nextRequestLine()).toMatchObject({ level: 'debug', path: '/health/live' });
  });
});

describe('secrets', () => {
  it('are in no line, even where a handler logs what it should not', async () => {
    await request(url)
      .post('/leaky?access_token=hidden-query')
      .set({ Authorization: `Bearer ${TOKEN}`, Cookie: 'session=hidden-cookie' })
      .send({ access: TOKEN });
    await request(url).get('/failing');
    await nextRequestLine();
    const log = written.join('');
    expect(log).toContain('upstream refused [Redacted]');
    expect(log).not.toMatch(/eyJ|c2lnbmF0dXJl|hidden|hunter2/);
    expect(lines().length).toBeGreaterThanOrEqual(4);
  });
});

it('goes where the application that serves the request was told to log', async () => {
  const first = written;
  await app.close();
  await start();
  await request(url).get('/outbound');
  await nextRequestLine();
  expect(first.join('')).not.toContain('inside of a request');
});

/** Header values travel as Latin-1. */
function encodeLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
