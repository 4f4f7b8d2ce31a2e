import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, VERSION_NEUTRAL } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { ERROR_CATALOGUE } from '../../src/errors/catalogue.js';
import { setUpOpenApi } from '../../src/openapi.js';
import { type RunningApp, startApp } from '../support/app.js';

@Controller({ path: 'api/things', version: '1' })
class ThingsController {
  @Get()
  list() {
    return [];
  }
}

@Controller({ path: 'health', version: VERSION_NEUTRAL })
class NeutralController {
  @Get()
  read() {
    return {};
  }
}

let app: INestApplication;
let url: string;

beforeAll(async () => {
  const module = await Test.createTestingModule({
    controllers: [ThingsController, NeutralController],
  }).compile();
  app = module.createNestApplication({ logger: false });
  setUpOpenApi(app);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

afterAll(() => app.close());

describe('/docs', () => {
  it('serves the document with versioned paths and the bearer scheme', async () => {
    const { body } = await request(url).get('/docs/json');
    expect(Object.keys(body.paths).toSorted()).toEqual(['/api/v1/things', '/health']);
    expect(body.info).toMatchObject({ title: 'Ingester', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(body.servers).toEqual([]);
    expect(body.components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
  });

  it.each(['/docs', '/docs/'])('serves pages at %s that need nothing from elsewhere', async (page) => {
    const { status, text } = await request(url).get(page);
    expect(status).toBe(200);
    const assets = [...text.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, address]) => String(address));
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      // A proxy may have taken the beginning of the path away.
      const { host, pathname } = new URL(asset, `http://proxy.example/files${page}`);
      expect({ host, pathname }).toEqual({
        host: 'proxy.example',
        pathname: expect.stringMatching(/^\/files\/docs\//),
      });
      expect((await request(url).get(pathname.replace('/files', ''))).status).toBe(200);
    }
  });
});

/** What one that brings bytes to an upload may be answered. */
const UPLOADED = '400 401 403 404 406 408 409 410 412 413 415 429 460 500 502 503 504 507';

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;

interface SchemaExamples {
  readonly example?: unknown;
  readonly default?: unknown;
}

interface Described {
  readonly description: string;
  readonly headers: Record<string, object>;
  readonly content?: Record<string, { schema: { $ref?: string } }>;
}

describe('the document of the whole service', () => {
  let running: RunningApp;
  let text: string;
  let document: OpenAPIObject;
  let operations: [name: string, responses: Record<string, Described>][];

  beforeAll(async () => {
    running = await startApp({ PUBLIC_URL: 'https://example.com/files/' });
    const answer = await request(running.url).get('/docs/json');
    text = answer.text;
    document = answer.body;
    const paths: Record<string, Record<string, { responses: Record<string, Described> }>> = answer.body.paths;
    operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { responses }]): (typeof operations)[number] => [
        `${method} ${path}`,
        responses,
      ]),
    );
  });

  afterAll(() => running.close());

  const errors = (name: string): string[] => {
    const responses = operations.find(([found]) => found === name)?.[1] ?? {};
    return Object.keys(responses).filter((status) => status >= '400');
  };

  it('names the public URL as its server', () => {
    expect(document.servers).toEqual([{ url: 'https://example.com/files' }]);
  });

  it('has the page fill in nothing that a caller has not asked for', () => {
    const all = Object.values(document.paths).flatMap((item) => [item.get, item.put, item.post, item.delete]);
    const examples = all.flatMap((operation) =>
      (operation?.parameters ?? []).flatMap((parameter) =>
        'example' in parameter || ('schema' in parameter && 'example' in (parameter.schema ?? {}))
          ? [parameter.name]
          : [],
      ),
    );
    expect(examples).toEqual([]);
    const body = document.paths['/api/v1/files/upload']?.post?.requestBody;
    const form = body && 'content' in body ? body.content['multipart/form-data']?.schema : undefined;
    const parts = form && 'properties' in form ? (form.properties as Record<string, SchemaExamples>) : {};
    const shown = Object.entries(parts).map(([name, part]) => [name, part.example ?? part.default]);
    expect(Object.fromEntries(shown)).toEqual({
      description: '',
      retention_policy: 'temporary',
      ttl_days: '',
      tags: [],
      metadata: {},
      file: undefined,
    });
  });

  it('refers to nothing that it does not have', () => {
    const { components } = JSON.parse(text) as { components: { schemas: Record<string, unknown> } };
    const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(names));
    expect(components.schemas.ProblemBody).toMatchObject({
      required: ['type', 'title', 'status', 'detail', 'code', 'retryable', 'trace_id'],
      properties: { code: { enum: Object.keys(ERROR_CATALOGUE) } },
    });
  });

  it('gives every error of every route the body of a problem', () => {
    for (const [name, responses] of operations) {
      for (const [status, { content }] of Object.entries(responses)) {
        if (status < '400' || (status === '503' && name.endsWith('/health/ready'))) continue;
        const schema = { $ref: '#/components/schemas/ProblemBody' };
        expect({ name, status, content }).toEqual({
          name,
          status,
          content: { 'application/problem+json': { schema } },
        });
      }
      expect(Object.keys(responses)).toContain('default');
    }
  });

  it('names the headers of every answer', () => {
    for (const [name, responses] of operations) {
      for (const { headers } of Object.values(responses)) {
        const versions = name.includes('/api/') ? ['X-API-Version', 'X-API-Current-Version'] : [];
        expect(Object.keys(headers)).toEqual(expect.arrayContaining(['X-Request-ID', ...versions]));
      }
      for (const status of ['429', '503'].filter((code) => errors(name).includes(code))) {
        if (!name.endsWith('/health/ready')) expect(responses[status]?.headers).toHaveProperty('Retry-After');
      }
    }
  });

  it.each([
    ['post /api/v1/files/upload', '400 401 403 404 406 408 409 410 413 415 422 429 500 502 503 504 507'],
    ['put /api/v1/files/{uuid}', '400 401 403 404 406 408 409 410 413 415 429 500 502 503 504 507'],
    ['get /api/v1/files/{uuid}', '400 401 403 404 406 410 429 500 502 503'],
    ['delete /api/v1/files/{uuid}', '400 401 403 404 406 409 410 429 500 502 503'],
    ['get /api/v1/files/{uuid}/events', '400 401 403 404 406 410 429 500 502 503'],
    ['post /api/v1/uploads', UPLOADED.replace('415', '415 422')],
    ['get /api/v1/uploads', '400 401 403 404 406 410 500 502'],
    ['head /api/v1/uploads/{id}', '400 401 403 404 406 410 412 500 502 503 507'],
    ['get /api/v1/uploads/{id}', '400 401 403 404 405 406 410 412 500 502 503 507'],
    ['patch /api/v1/uploads/{id}', UPLOADED],
    ['post /api/v1/uploads/{id}', UPLOADED],
    ['delete /api/v1/uploads/{id}', '400 401 403 404 406 409 410 412 500 502 503 507'],
    ['options /api/v1/uploads', ''],
    ['options /api/v1/uploads/{id}', ''],
    ['options /api/v1/files/{uuid}', ''],
    ['get /api/v1/resilience/circuit-breakers', '400 401 403 404 406 410 500 502'],
    ['get /api/v1/resilience/health', '400 401 403 404 406 410 500 502'],
    ['get /api/v1/resilience/summary', '400 401 403 404 406 410 500 502'],
    ['post /api/v1/resilience/circuit-breakers/{name}/reset', '400 401 403 404 406 408 410 415 500 502 503'],
    ['get /api/v1/replicas', '400 401 403 404 406 410 500 502'],
    ['get /api/v1/orders', '400 401 403 404 406 410 500 502'],
    ['post /api/v1/orders', '400 401 403 404 406 408 409 410 415 500 502 503'],
    ['delete /api/v1/orders/{id}', '400 401 403 404 406 408 410 415 500 502 503'],
    ['get /api/v1/resilience/transitions', '400 401 403 404 406 410 500 502'],
    ['get /api/v1/dead-letters/{id}/content', '400 401 403 404 406 409 410 500 502 503'],
    ['post /api/v1/dead-letters/redeliver', '400 401 403 404 406 408 409 410 415 429 500 502 503'],
    ['get /api/v1/dead-letters/groups', '400 401 403 404 406 410 500 502 503'],
    ['post /api/v1/dead-letters/preview', '400 401 403 404 406 408 410 415 500 502 503'],
    ['post /api/v1/dead-letters/drop', '400 401 403 404 406 408 409 410 415 500 502 503'],
    ['get /api/v1/active-uploads', '400 401 403 404 406 410 500 502 503'],
    ['delete /api/v1/active-uploads/{id}', '400 401 403 404 406 408 409 410 415 500 502 503'],
    ['get /api/v1/recent-uploads', '400 401 403 404 406 410 500 502 503'],
    ['get /api/v1/queue', '400 401 403 404 406 410 500 502 503'],
    ['get /api/v1/audit', '400 401 403 404 406 410 500 502 503'],
    ['get /health/dlq', '503'],
    ['get /api/v1/health/dlq', '400 401 403 404 406 410 500 502 503'],
    ['get /metrics', '503'],
  ])('names the errors of %s', (name, statuses) => {
    expect(errors(name)).toEqual([...statuses.split(' ').filter(Boolean), 'default']);
  });

  it('describes what uploads in several requests say in headers', () => {
    const upload = document.paths['/api/v1/uploads/{id}'];
    const namesOf = (operation: OperationObject | undefined): string[] =>
      (operation?.parameters ?? []).flatMap((parameter) => ('name' in parameter ? [parameter.name] : []));
    expect(namesOf(document.paths['/api/v1/uploads']?.post)).toEqual(
      expect.arrayContaining(['Tus-Resumable', 'Upload-Metadata', 'Upload-Complete', 'Idempotency-Key']),
    );
    expect(namesOf(upload?.patch)).toEqual(
      expect.arrayContaining(['id', 'Upload-Offset', 'Upload-Checksum', 'Content-Digest']),
    );
    expect(namesOf(upload?.post)).toContain('X-HTTP-Method-Override');
    expect(namesOf(document.paths['/api/v1/files/{uuid}']?.put)).toContain('Upload-Complete');
    const [, head] = operations.find(([name]) => name === 'head /api/v1/uploads/{id}') ?? [];
    for (const status of ['200', '204'])
      expect(Object.keys(head?.[status]?.headers ?? {})).toEqual(
        expect.arrayContaining(['Upload-Offset', 'Upload-Length']),
      );
  });
});
