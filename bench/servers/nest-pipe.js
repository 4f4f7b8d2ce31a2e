/**
 * The same bytes in, bytes out as the bare pipe, behind Nest's router and a handler: what the framework alone costs.
 * Decorators are applied by hand, because this file is run as it stands.
 */
import 'reflect-metadata';
import { Controller, Module, Put, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Agent, request } from 'undici';

const sink = process.env.SINK_URL;
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

class PipeController {
  async put(incoming) {
    const answer = await request(`${sink}/file`, { method: 'PUT', body: incoming, dispatcher });
    return answer.body.json();
  }
}
Put('file')(
  PipeController.prototype,
  'put',
  Object.getOwnPropertyDescriptor(PipeController.prototype, 'put'),
);
Req()(PipeController.prototype, 'put', 0);
Controller()(PipeController);

class PipeModule {}
Module({ controllers: [PipeController] })(PipeModule);

const app = await NestFactory.create(PipeModule, { logger: false, bodyParser: false });
await app.listen(Number(process.env.PORT), '127.0.0.1');
