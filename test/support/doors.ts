import { Controller, Get, type INestApplication, Module, Post } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { createServer, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { inspect } from 'node:util';
import { AuthModule } from '../../src/auth/auth.module.js';
import type { Caller } from '../../src/auth/caller.js';
import { CurrentCaller } from '../../src/auth/current-caller.decorator.js';
import { Public } from '../../src/auth/public.decorator.js';
import { RequirePermission } from '../../src/auth/require-permission.decorator.js';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from './parse-environment.js';
import { answerClientErrors } from '../../src/errors/client-error.js';
import { ProblemFilter } from '../../src/errors/problem.filter.js';
import { refuseProtocolFailure } from '../../src/errors/protocol-failure.js';
import { OutboundRoom } from './outbound-room.js';

@Controller()
class DoorsController {
  @Post('upload')
  @RequirePermission('files:write')
  upload(@CurrentCaller() caller: Caller): { subject: string } {
    return { subject: caller.subject };
  }

  @Post('operate')
  @RequirePermission('admin:write')
  operate(): string {
    return 'operated';
  }

  @Get('observe')
  @RequirePermission('admin:read')
  observe(): string {
    return 'observed';
  }

  @Get('private')
  private(): string {
    return 'private';
  }
}

@Public()
@Controller('open')
class OpenController {
  @Get()
  open(): string {
    return 'open';
  }

  @Get('not-quite')
  @RequirePermission('files:write')
  notQuite(): string {
    return 'not quite';
  }
}

export interface Answer {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly body: string;
}

/** Every line that was logged, deep and with causes; Nest has one logger a process. */
export const logged: string[] = [];

function log(...line: unknown[]): void {
  logged.push(inspect(line, { depth: 10 }));
}

/** A small application behind the real AuthModule, on a real port, with a door for each kind of access. */
export class Doors {
  private readonly servers: Server[] = [];

  private constructor(private readonly app: INestApplication) {}

  static async open(variables: Record<string, string>): Promise<Doors> {
    const logger = { log, error: log, warn: log, debug: log, verbose: log, fatal: log };
    @Module({
      imports: [configModule(parseEnvironment({ NODE_ENV: 'test', ...variables })), AuthModule, OutboundRoom],
      controllers: [DoorsController, OpenController],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
    })
    class DoorsModule {}
    const app = await NestFactory.create(DoorsModule, { bodyParser: false, logger, abortOnError: false });
    app.use(refuseProtocolFailure);
    return new Doors(await app.init());
  }

  async close(): Promise<void> {
    for (const server of this.servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await this.app.close();
  }

  /** Listens on a free port. */
  async listen(maxHeaderSize = 16_384): Promise<number> {
    const server = createServer({ maxHeaderSize }, this.app.getHttpAdapter().getInstance());
    answerClientErrors(server);
    this.servers.push(server);
    return listen(server);
  }
}

/** Starts a server on a free port of this machine. @returns the port. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The server has no port');
  return address.port;
}

/** Knocks at a door, as `POST /upload`, with none, one or several Authorization headers. */
export function knock(port: number, door: string, authorization?: string | string[]): Promise<Answer> {
  const [method, path] = door.split(' ');
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  return new Promise((resolve, reject) => {
    const call = request({ port, path, method, agent: false, headers }, (response) => {
      response.setEncoding('utf8');
      let body = '';
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, challenge: response.headers['www-authenticate'], body }),
      );
    });
    call.on('error', reject);
    call.end();
  });
}

/** Sends a head and whatever of a body, and takes the JSON answer that comes without waiting for more. */
export function knockRaw(port: number, headers: Record<string, string | number>, body = ''): Promise<Answer> {
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
      const [answerHead = '', answer = ''] = text.split('\r\n\r\n');
      if (!answer.endsWith('}')) return;
      socket.destroy();
      const challenge = /^www-authenticate: (.*)$/im.exec(answerHead)?.[1];
      resolve({ status: Number(answerHead.split(' ')[1]), challenge, body: answer });
    });
    socket.write(`POST /upload HTTP/1.1\r\nHost: x\r\n${head.join('')}\r\n${body}`);
  });
}
