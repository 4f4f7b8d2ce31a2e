import { afterEach, describe, expect, it } from '@jest/globals';
import { ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { configModule } from './config.module.js';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import type { Environment } from './environment.js';

async function configOf(env: Record<string, string>): Promise<ConfigService<Environment, true>> {
  const module = await Test.createTestingModule({ imports: [configModule(parseEnvironment(env))] }).compile();
  return module.get<ConfigService<Environment, true>>(ConfigService);
}

describe('the configuration of an application', () => {
  afterEach(() => {
    delete process.env.PORT;
    delete process.env.JWT_ISSUER;
  });

  it('is what was passed in, as it was checked', async () => {
    const config = await configOf({ PORT: '1234', CORS_ORIGINS: 'https://a.example' });
    expect(config.get('PORT', { infer: true })).toBe(1234);
    expect(config.get('CORS_ORIGINS', { infer: true })).toEqual(['https://a.example']);
    expect(config.get('STORAGE_ELEMENTS', { infer: true })).toHaveLength(2);
  });

  it('is not overridden by the environment of the process', async () => {
    process.env.PORT = '1';
    process.env.JWT_ISSUER = 'https://other.example';
    const config = await configOf({ PORT: '1234' });
    expect(config.get('PORT', { infer: true })).toBe(1234);
    expect(config.get('JWT_ISSUER', { infer: true })).toBeUndefined();
  });

  it('does not leak into the environment of the process', async () => {
    await configOf({ PORT: '1234' });
    expect(process.env.PORT).toBeUndefined();
  });

  it('belongs to one application, so that two in one process differ', async () => {
    const [first, second] = [await configOf({ PORT: '1111' }), await configOf({ PORT: '2222' })];
    expect(first.get('PORT', { infer: true })).toBe(1111);
    expect(second.get('PORT', { infer: true })).toBe(2222);
  });
});
