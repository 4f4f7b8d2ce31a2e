import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, VERSION_NEUTRAL } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { setUpOpenApi } from '../../src/openapi.js';

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
    expect(body.components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
  });

  it('serves pages that need nothing from elsewhere', async () => {
    const { status, text } = await request(url).get('/docs');
    expect(status).toBe(200);
    const assets = [...text.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, address]) => String(address));
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      expect(asset).not.toMatch(/^(?:https?:)?\/\//);
      expect((await request(url).get(new URL(asset, `${url}/docs`).pathname)).status).toBe(200);
    }
  });
});
