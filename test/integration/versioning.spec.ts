import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  type INestApplication,
  Param,
  Post,
  Req,
  UnauthorizedException,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Request, Response } from 'express';
import request from 'supertest';
import { ServiceError } from '../../src/errors/service-error.js';
import { API_VERSION_TABLE, type ApiVersionTable } from '../../src/versioning/api-versions.js';
import { VERSIONING_CLOCK } from '../../src/versioning/api-versions.service.js';
import { refuseUnservedVersion, setUpVersioning } from '../../src/versioning/set-up-versioning.js';
import { VersioningModule } from '../../src/versioning/versioning.module.js';

@Controller({ path: 'api/things', version: '1' })
class ThingsV1Controller {
  @Get(':id')
  read(@Param('id') id: string, @Req() { url, originalUrl }: Request) {
    return { served: '1', id, url, originalUrl };
  }

  @Post()
  create() {
    throw new UnauthorizedException();
  }
}

@Controller({ path: 'api/things', version: '2' })
class ThingsV2Controller {
  @Get(':id')
  read(@Param('id') id: string) {
    return { served: '2', id };
  }
}

@Controller({ path: 'health', version: VERSION_NEUTRAL })
class NeutralController {
  @Get()
  read() {
    return { served: 'neutral' };
  }
}

@Catch()
class CodeFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const isOurs = error instanceof ServiceError;
    const status = isOurs || !(error instanceof HttpException) ? 500 : error.getStatus();
    response.status(isOurs ? error.status : status).json({
      code: isOurs ? error.code : 'HTTP',
      ...(isOurs ? error.options.members : {}),
    });
  }
}

const BOTH: ApiVersionTable = {
  versions: [
    {
      version: '1',
      deprecatedAt: new Date('2030-01-01T00:00:00Z'),
      sunsetAt: new Date('2031-01-01T00:00:00Z'),
      successor: '2',
      deprecationLink: '/docs',
    },
    { version: '2' },
  ],
  defaultVersion: '1',
};
const BEFORE_SUNSET = Date.parse('2030-12-31T23:59:59.999Z');
const SUNSET = Date.parse('2031-01-01T00:00:00Z');

let app: INestApplication | undefined;

async function start(table?: ApiVersionTable, now = BEFORE_SUNSET): Promise<string> {
  const building = Test.createTestingModule({
    imports: [VersioningModule],
    controllers: [ThingsV1Controller, ThingsV2Controller, NeutralController],
  });
  if (table) building.overrideProvider(API_VERSION_TABLE).useValue(table);
  building.overrideProvider(VERSIONING_CLOCK).useValue(() => now);
  app = (await building.compile()).createNestApplication({ logger: false });
  app.useGlobalFilters(new CodeFilter());
  app.enableCors({ origin: ['https://browser.example'] });
  setUpVersioning(app);
  app.use(refuseUnservedVersion);
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe('one version', () => {
  it('serves it by URL, by Accept and by default', async () => {
    const url = await start();
    for (const [path, accept] of [
      ['/api/v1/things/7', '*/*'],
      ['/api/things/7', 'application/vnd.ingester.v1+json'],
      ['/api/things/7', 'application/json;version=1'],
      ['/api/things/7', 'application/vnd.ingester.v9+json, application/vnd.ingester.v1+json;q=0.1'],
      ['/api/things/7', '*/*'],
    ] as const) {
      const { status, body, headers } = await request(url).get(path).set('Accept', accept);
      expect([status, body.served, body.id, headers['x-api-version']]).toEqual([200, '1', '7', '1']);
      expect(headers.vary).toBe('Origin, Accept');
    }
  });

  it('keeps the original URL beside the one that is routed', async () => {
    const url = await start();
    const { body } = await request(url).get('/api/v1/things/7?a=%20b');
    expect(body).toMatchObject({ url: '/api/things/7?a=%20b', originalUrl: '/api/v1/things/7?a=%20b' });
  });

  it('says nothing of deprecation', async () => {
    const url = await start();
    const { headers } = await request(url).get('/api/v1/things/7');
    expect(headers).not.toHaveProperty('deprecation');
    expect(headers).not.toHaveProperty('sunset');
    expect(headers).not.toHaveProperty('link');
    expect(headers).not.toHaveProperty('warning');
  });

  it.each(['/api/v2/things/7', '/api/v01/things/7', '/api/v0/things/7', '/api/v999999999999/no-route'])(
    'answers %s with UNKNOWN_API_VERSION',
    async (path) => {
      const url = await start();
      const { status, body, headers } = await request(url).get(path);
      expect([status, body.code, body.supported]).toEqual([404, 'UNKNOWN_API_VERSION', ['1']]);
      expect(headers).toMatchObject({
        'x-api-version': '1',
        'x-api-current-version': '1',
        vary: 'Origin, Accept',
      });
    },
  );

  it.each([
    '/api/v1x/things/7',
    '/api/V1/things/7',
    '/v1/things/7',
    '/api/v1/v1/things/7',
    '//api/v1/things/7',
    '/api/v1',
  ])('has nothing at %s', async (path) => {
    const url = await start();
    const { status, body, headers } = await request(url).get(path);
    expect([status, body.code]).toEqual([404, 'HTTP']);
    expect(headers).toMatchObject({
      'x-api-version': '1',
      'x-api-current-version': '1',
      vary: 'Origin, Accept',
    });
  });

  it('answers an Accept of unknown versions only with 406 and what is supported', async () => {
    const url = await start();
    const { status, body, headers } = await request(url)
      .get('/api/things/7')
      .set('Accept', 'application/vnd.ingester.v9+json');
    expect([status, body]).toEqual([406, { code: 'VERSION_NOT_ACCEPTABLE', supported: ['1'] }]);
    expect(headers).toMatchObject({
      'x-api-version': '1',
      'x-api-current-version': '1',
      vary: 'Origin, Accept',
    });
  });

  it('lets the URL win over Accept', async () => {
    const url = await start();
    const { status } = await request(url)
      .get('/api/v1/things/7')
      .set('Accept', 'application/vnd.ingester.v9+json');
    expect(status).toBe(200);
  });

  it('marks errors of guards and handlers as well', async () => {
    const url = await start();
    const { status, headers } = await request(url).post('/api/v1/things');
    expect(status).toBe(401);
    expect(headers).toMatchObject({
      'x-api-version': '1',
      'x-api-current-version': '1',
      vary: 'Origin, Accept',
    });
  });

  it.each(['/health', '/HEALTH/', '/metrics', '/docs/json'])('leaves %s without a version', async (path) => {
    const url = await start();
    const { headers } = await request(url).get(path).set('Accept', 'application/vnd.ingester.v9+json');
    expect(headers).not.toHaveProperty('x-api-version');
    expect(headers).not.toHaveProperty('x-api-current-version');
    expect(headers.vary).toBe('Origin');
  });
});

describe('two versions', () => {
  it('serves each by URL and by Accept', async () => {
    const url = await start(BOTH);
    for (const [path, accept, served] of [
      ['/api/v1/things/7', '*/*', '1'],
      ['/api/v2/things/7', '*/*', '2'],
      ['/api/things/7', 'application/vnd.ingester.v2+json', '2'],
      ['/api/things/7', 'application/json;version=2, application/json;version=1;q=0.9', '2'],
      ['/api/things/7', '*/*', '1'],
    ] as const) {
      const { body, headers } = await request(url).get(path).set('Accept', accept);
      expect([body.served, headers['x-api-version']]).toEqual([served, served]);
      expect(headers['x-api-current-version']).toBe('2');
    }
  });

  it('has nothing where only the other version has a route', async () => {
    const url = await start(BOTH);
    expect((await request(url).post('/api/v2/things')).status).toBe(404);
    expect((await request(url).post('/api/v1/things')).status).toBe(401);
  });

  it('tells callers of the deprecated one since when, until when and what to do', async () => {
    const url = await start(BOTH);
    const { headers } = await request(url).get('/api/v1/things/7');
    expect(headers).toMatchObject({
      deprecation: '@1893456000',
      sunset: 'Wed, 01 Jan 2031 00:00:00 GMT',
      link: '</api/v2>; rel="successor-version", </docs>; rel="deprecation"',
      warning: '299 - "API version 1 is deprecated and ends on 2031-01-01; use version 2"',
    });
    expect((await request(url).get('/api/v2/things/7')).headers).not.toHaveProperty('deprecation');
  });

  it('answers 410 from the moment of the sunset on, by URL, by Accept and by default', async () => {
    const url = await start(BOTH, SUNSET);
    for (const [path, accept] of [
      ['/api/v1/things/7', '*/*'],
      ['/api/v1/gone-with-its-controller', '*/*'],
      ['/api/things/7', 'application/vnd.ingester.v1+json'],
      ['/api/things/7', '*/*'],
    ] as const) {
      const { status, body, headers } = await request(url).get(path).set('Accept', accept);
      expect([status, body.code]).toEqual([410, 'API_VERSION_SUNSET']);
      expect(headers).toMatchObject({
        'x-api-version': '1',
        deprecation: '@1893456000',
        vary: 'Origin, Accept',
      });
    }
  });

  it('prefers a living version to a sunset one in Accept', async () => {
    const url = await start(BOTH, SUNSET);
    const { body } = await request(url)
      .get('/api/things/7')
      .set('Accept', 'application/vnd.ingester.v1+json, application/vnd.ingester.v2+json;q=0.1');
    expect(body.served).toBe('2');
  });

  it('lists only what is still served as supported', async () => {
    const url = await start(BOTH, SUNSET);
    expect((await request(url).get('/api/v3/things/7')).body.supported).toEqual(['2']);
  });
});

it('refuses a table without its default version', async () => {
  await expect(start({ versions: [{ version: '2' }], defaultVersion: '1' })).rejects.toThrow(
    'defaultVersion should be one of the versions, got 1',
  );
});
