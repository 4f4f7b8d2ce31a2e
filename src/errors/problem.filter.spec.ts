import { Controller, Get, type INestApplication, Res } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import type { AddressInfo } from 'node:net';
import { ProblemFilter } from './problem.filter.js';
import { ServiceError } from './service-error.js';

let thrown: unknown;

@Controller()
class ThrowingController {
  @Get('throw')
  throw(): never {
    // oxlint-disable-next-line typescript/only-throw-error -- whatever can be thrown is to be answered
    throw thrown;
  }

  @Get('items/:id')
  item(): string {
    return 'an item';
  }

  @Get('throw-late')
  throwLate(@Res() response: Response): never {
    response.writeHead(200, { 'Content-Length': 100 }).write('beginning');
    throw new ServiceError('STORAGE_FAILED', 'The storage failed.');
  }

  @Get('throw-too-late')
  throwTooLate(@Res() response: Response): never {
    response.end('the whole answer');
    throw new ServiceError('STORAGE_FAILED', 'The storage failed.');
  }
}

describe('the filter', () => {
  const logged: { level: string; message: unknown; fields: unknown }[] = [];
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    const log =
      (level: string) =>
      (fields: unknown, message: unknown): void => {
        logged.push({ level, message, fields });
      };
    const module = await Test.createTestingModule({
      controllers: [ThrowingController],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
    })
      .setLogger({ log: () => undefined, error: log('error'), warn: log('warn'), debug: log('debug') })
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });

  beforeEach(() => void logged.splice(0));

  afterAll(() => app.close());

  async function answerTo(error: unknown): Promise<globalThis.Response> {
    thrown = error;
    return fetch(`${url}/throw?token=secret`);
  }

  it('answers with the problem, without the query of the request', async () => {
    const response = await answerTo(new ServiceError('STORAGE_FULL', 'There is no room.'));
    expect(response.status).toBe(507);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: 'urn:ingester:error:storage-full',
      title: 'The storage is full',
      status: 507,
      detail: 'There is no room.',
      instance: '/throw',
      code: 'STORAGE_FULL',
      retryable: true,
      trace_id: null,
    });
  });

  it.each([
    [1, '1'],
    [0, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [30_000, '30'],
  ])('rounds a wait of %i ms up to Retry-After: %s', async (retryAfterMs, seconds) => {
    const response = await answerTo(new ServiceError('SHUTTING_DOWN', 'Later.', { retryAfterMs }));
    expect(response.headers.get('retry-after')).toBe(seconds);
  });

  it('sends no Retry-After where nobody knows when', async () => {
    const response = await answerTo(new ServiceError('STORAGE_FAILED', 'It failed.'));
    expect(response.headers.has('retry-after')).toBe(false);
  });

  it('sends the headers that the error brings', async () => {
    const headers = { 'WWW-Authenticate': 'Bearer' };
    const response = await answerTo(new ServiceError('UNAUTHORIZED', 'No token.', { headers }));
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each([
    ['an Error', new Error('connect ECONNREFUSED 10.0.0.7', { cause: 'hunter2' })],
    ['a text', 'hunter2'],
    ['nothing', undefined],
  ])('answers %s with INTERNAL_ERROR and tells nothing of it', async (_, error) => {
    const response = await answerTo(error);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: 'INTERNAL_ERROR', retryable: true });
    expect(text).not.toMatch(/hunter2|10\.0\.0\.7|\.ts|at /);
  });

  it('answers what Nest itself refuses', async () => {
    const response = await fetch(`${url}/nowhere/<script>`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'NOT_FOUND', detail: 'There is no such resource.' });
  });

  it('answers a path that cannot be decoded', async () => {
    const response = await fetch(`${url}/items/%E0%A4%A`);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  it.each([
    ['error', new Error('a bug')],
    ['warn', new ServiceError('STORAGE_FAILED', 'It failed.')],
    ['debug', new ServiceError('EMPTY_FILE', 'Empty.')],
  ])('logs at %s: %s', async (level, error) => {
    await answerTo(error);
    expect(logged.map((line) => line.level)).toEqual([level]);
  });

  it('breaks off visibly when the head is out already', async () => {
    const response = await fetch(`${url}/throw-late`);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('terminated');
  });

  it('leaves a finished answer alone', async () => {
    const response = await fetch(`${url}/throw-too-late`);
    expect(await response.text()).toBe('the whole answer');
  });
});
