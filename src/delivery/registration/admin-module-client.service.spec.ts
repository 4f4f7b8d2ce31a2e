import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AdminAnswer, AdminModuleServer } from '../../../test/support/admin-module-server.js';
import { eventually } from '../../../test/support/eventually.js';
import { OutboundRoom } from '../../../test/support/outbound-room.js';
import { TokenEndpointServer } from '../../../test/support/token-endpoint.js';
import { configModule } from '../../config/config.module.js';
import { parseEnvironment } from '../../../test/support/parse-environment.js';
import { ADMIN_CODES } from '../../outbound/classify-failure.js';
import { CircuitBreakers } from '../../outbound/circuit-breakers.service.js';
import { ServiceTokensModule } from '../../service-tokens/service-tokens.module.js';
import { ServiceTokens } from '../../service-tokens/service-tokens.service.js';
import { outcomeOfError } from '../worker/attempt-outcome.js';
import { ADMIN, AdminModuleClient } from './admin-module-client.service.js';
import type { Registration } from './registration-body.js';

const uploadedAt = new Date('2026-11-20T10:00:00.000Z');
const registration: Registration = {
  fileId: 'f-1',
  elementId: 'se-01',
  digest: { size: 5, sha256: 'ab'.repeat(32) },
  file: {
    fileId: 'asked-for',
    originalFilename: 'a.txt',
    contentType: 'text/plain',
    description: 'A file',
    tags: ['one', 'two'],
    metadata: { project: 'x' },
    retentionPolicy: 'temporary',
    ttlDays: 30,
    uploadedBy: 'alice',
    uploadedByUsername: null,
    uploadedAt,
  },
};

describe('the Admin module', () => {
  let server: AdminModuleServer;
  let tokens: TokenEndpointServer;
  let module: TestingModule;
  let told: unknown[];

  beforeEach(async () => {
    server = await AdminModuleServer.start();
    tokens = await TokenEndpointServer.start();
    told = [];
  });

  afterEach(async () => {
    await module.close();
    await Promise.all([server.close(), tokens.close()]);
  });

  async function open(variables: Record<string, string> = {}): Promise<void> {
    const environment = parseEnvironment({
      ADMIN_URL: server.url,
      ADMIN_RETRY_ATTEMPTS: '1',
      ADMIN_RETRY_BASE_MS: '1',
      SERVICE_TOKEN_URL: tokens.url,
      SERVICE_CLIENT_ID: 'ingester',
      SERVICE_CLIENT_SECRET: 'hunter2',
      SERVICE_TOKEN_RETRY_ATTEMPTS: '1',
      ...variables,
    });
    module = await Test.createTestingModule({
      imports: [configModule(environment), OutboundRoom, ServiceTokensModule],
      providers: [AdminModuleClient],
    }).compile();
    await module.init();
  }

  async function register(file: Registration = registration): Promise<void> {
    await module.get(AdminModuleClient).register({
      targets: [ADMIN],
      signal: new AbortController().signal,
      registration: file,
      token: await module.get(ServiceTokens).token(),
      begins: async () => void told.push('begins'),
      failed: (error) => told.push(error),
    });
  }

  const failure = (): Promise<unknown> =>
    register().then(
      () => undefined,
      (error: unknown) => error,
    );

  describe('is told', () => {
    it('by goartstore’s members', async () => {
      await open();
      await register();
      expect(server.requests).toEqual([
        {
          path: 'POST /admin/api/v1/files',
          authorization: 'Bearer token-1',
          text: expect.any(String),
          body: {
            file_id: 'f-1',
            original_filename: 'a.txt',
            content_type: 'text/plain',
            size: 5,
            checksum: 'ab'.repeat(32),
            storage_element_id: 'se-01',
            retention_policy: 'temporary',
            ttl_days: 30,
            description: 'A file',
            tags: ['one', 'two'],
          },
        },
      ]);
    });

    it('by artStore’s members', async () => {
      await open({ ADMIN_GENERATION: 'artstore' });
      await register();
      expect(server.requests[0]?.body).toEqual({
        file_id: 'f-1',
        original_filename: 'a.txt',
        storage_filename: 'f-1',
        storage_path: '/api/v1/files/f-1',
        file_size: 5,
        checksum_sha256: 'ab'.repeat(32),
        retention_policy: 'temporary',
        storage_element_id: 'se-01',
        content_type: 'text/plain',
        description: 'A file',
        ttl_days: 30,
        ttl_expires_at: '2026-12-20T10:00:00.000Z',
        uploaded_by: 'alice',
        user_metadata: { project: 'x' },
      });
    });

    it('of permanent files without a time', async () => {
      const file = {
        ...registration.file,
        retentionPolicy: 'permanent',
        ttlDays: null,
        description: null,
      } as const;
      await open({ ADMIN_GENERATION: 'artstore' });
      await register({ ...registration, file });
      expect(server.requests[0]?.body).not.toHaveProperty('ttl_expires_at');
      expect(server.requests[0]?.body).not.toHaveProperty('ttl_days');
      expect(server.requests[0]?.body).not.toHaveProperty('description');
    });
  });

  it.each<[string, AdminAnswer]>([
    ['201', { status: 201 }],
    ['200', { status: 200 }],
    ['409', { status: 409, body: '{"error":{"code":"CONFLICT"}}' }],
    ['400 for a duplicate', { status: 400, body: '{"detail":"File f-1 Already exists"}' }],
  ])('has a file after %s', async (_, answer) => {
    await open();
    server.answers.push(answer);
    await register();
    expect(told).toEqual(['begins']);
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, AdminAnswer | 'reset', object]>([
    ['400', { status: 400, body: '{"detail":"bad"}' }, { kind: 'refused', reason: 'ADMIN_UNAVAILABLE' }],
    ['422', { status: 422 }, { kind: 'refused', reason: 'ADMIN_UNAVAILABLE' }],
    ['403', { status: 403 }, { kind: 'failed', reason: 'ADMIN_UNAVAILABLE' }],
    ['500', { status: 500 }, { kind: 'failed', reason: 'ADMIN_UNAVAILABLE' }],
    ['a reset', 'reset', { kind: 'failed', reason: 'ADMIN_UNAVAILABLE' }],
    [
      '503 that asks for time',
      { status: 503, headers: { 'retry-after': '7' } },
      { kind: 'deferred', retryAfterMs: expect.closeTo(7_000, -3) },
    ],
  ])('that answers with %s says what becomes of the task', async (_, answer, outcome) => {
    await open();
    server.answers.push(answer);
    const error = await failure();
    expect(outcomeOfError(error, ADMIN_CODES)).toMatchObject(outcome);
    expect(told).toMatchObject(['begins', { code: 'ADMIN_UNAVAILABLE' }]);
  });

  it('is given a new token once', async () => {
    await open();
    server.answers.push({ status: 401 });
    await register();
    expect(server.requests.map(({ authorization }) => authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
    // Refused at once again: another one would fare no better.
    server.answers.push({ status: 401 });
    const error = await failure();
    expect(server.requests).toHaveLength(3);
    expect(outcomeOfError(error, ADMIN_CODES)).toEqual({ kind: 'failed', reason: 'ADMIN_UNAVAILABLE' });
  });

  it('is not blamed for a token endpoint that gives no new token', async () => {
    await open();
    await module.get(ServiceTokens).token();
    tokens.options.fault = { status: 400, body: '' };
    server.answers.push({ status: 401 });
    const error = await failure();
    expect(outcomeOfError(error, ADMIN_CODES)).toEqual({ kind: 'failed', reason: 'ADMIN_UNAVAILABLE' });
    expect(module.get(CircuitBreakers).get(ADMIN)?.report()).toMatchObject({ failure_count: 0 });
  });

  it('that fails is left alone, which costs no attempt', async () => {
    await open({ ADMIN_CIRCUIT_FAILURE_THRESHOLD: '2' });
    server.answers.push({ status: 500 }, { status: 500 });
    await failure();
    await failure();
    const error = await failure();
    expect(outcomeOfError(error, ADMIN_CODES)).toMatchObject({ kind: 'deferred', reason: 'CIRCUIT_OPEN' });
    expect(server.requests).toHaveLength(2);
    expect(told.filter((what) => what === 'begins')).toHaveLength(2);
  });

  it('is asked again within a call, and each attempt is told', async () => {
    await open({ ADMIN_RETRY_ATTEMPTS: '3' });
    server.answers.push({ status: 500 }, 'reset');
    await register();
    expect(server.requests).toHaveLength(3);
    expect(told.filter((what) => what === 'begins')).toHaveLength(3);
  });

  it('is asked eight at a time', async () => {
    await open({ ADMIN_TIMEOUT_MS: '300' });
    server.answers.push(...Array.from({ length: 8 }, () => 'hang' as const));
    const calls = Array.from({ length: 8 }, () => failure());
    expect(await Promise.all(calls)).toMatchObject(calls.map(() => ({ code: 'ADMIN_UNAVAILABLE' })));
    expect(server.requests).toHaveLength(8);
  });

  it('is asked no more at a time than is configured, and as many wait', async () => {
    await open({ ADMIN_MAX_CALLS: '2', ADMIN_TIMEOUT_MS: '60000', ADMIN_DEADLINE_MS: '60000' });
    await module.get(ServiceTokens).token();
    server.answers.push('hang', 'hang');
    const waiting = Array.from({ length: 4 }, () => failure());
    await eventually(() => Promise.resolve(expect(server.requests).toHaveLength(2)));
    expect(await failure()).toMatchObject({ code: 'BULKHEAD_FULL' });
    expect(server.requests).toHaveLength(2);
    await module.get(AdminModuleClient).onApplicationShutdown();
    await Promise.all(waiting);
  });

  it('does not make a dead letter of what the end of the service cuts off', async () => {
    await open();
    server.answers.push('hang');
    const waiting = failure();
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await module.get(AdminModuleClient).onApplicationShutdown();
    expect(outcomeOfError(await waiting, ADMIN_CODES)).toEqual({ kind: 'interrupted' });
  });
});
