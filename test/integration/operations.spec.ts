import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import type { CircuitBreaker } from '../../src/outbound/circuit/circuit-breaker.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { callThrough, UNTOUCHED } from '../support/circuits.js';
import { RawClient } from '../support/raw-client.js';

const RFC_3339 = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

describe('operations', () => {
  let running: RunningApp;
  let admin: string;
  let circuits: CircuitBreakers;
  let circuit: CircuitBreaker;
  let replicaId: string;

  beforeEach(async () => {
    running = await startApp();
    admin = await running.token({ sub: 'olga', role: 'admin' });
    circuits = running.app.get(CircuitBreakers);
    circuit = circuits.register('test');
    ({ replicaId } = running.app.get(Replicas, { strict: false }));
  });

  afterEach(() => running.close());

  const get = (path: string, token = admin): Test =>
    request(running.url).get(path).auth(token, { type: 'bearer' });
  describe('reports', () => {
    it('show every circuit by name', async () => {
      const { status, body, headers } = await get('/api/v1/resilience/circuit-breakers');
      expect(status).toBe(200);
      expect(body.test).toEqual({ ...UNTOUCHED, replicas: expect.anything() });
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-api-version': '1' });
    });

    it('show one circuit, with what it has counted', async () => {
      callThrough(circuit, 'failure');
      callThrough(circuit, 'success');
      callThrough(circuit, 'neutral');
      const { status, body } = await get('/api/v1/resilience/circuit-breakers/test');
      expect(status).toBe(200);
      expect(body).toEqual({
        ...UNTOUCHED,
        replicas: { [replicaId]: expect.objectContaining({ state: 'closed', failure_count: 1 }) },
        failure_count: 1,
        success_count: 1,
        last_failure_time: expect.stringMatching(RFC_3339),
        last_success_time: expect.stringMatching(RFC_3339),
        consecutive_successes: 1,
        neutral_count: 1,
      });
    });

    it.each(['nothing', '__proto__', 'constructor', '%2e%2e%2ftest'])(
      'answer 404 for a circuit named %s, which there is not',
      async (name) => {
        const { status, body, type } = await get(`/api/v1/resilience/circuit-breakers/${name}`);
        expect({ status, type }).toEqual({ status: 404, type: 'application/problem+json' });
        expect(body).toMatchObject({ code: 'NOT_FOUND', retryable: false });
        const reset = await request(running.url)
          .post(`/api/v1/resilience/circuit-breakers/${name}/reset`)
          .auth(admin, { type: 'bearer' });
        expect({ status: reset.status, code: reset.body.code }).toEqual({ status: 404, code: 'NOT_FOUND' });
      },
    );

    it('sum all circuits up', async () => {
      const total = circuits.all().length;
      const { body } = await get('/api/v1/resilience/health');
      expect(body).toEqual({
        status: 'healthy',
        timestamp: expect.stringMatching(RFC_3339),
        total_circuits: total,
        circuits_by_state: { closed: total, open: 0, half_open: 0 },
        open_circuits: [],
      });
    });

    it('give a line for each circuit', async () => {
      const { body } = await get('/api/v1/resilience/summary');
      expect(body).toHaveLength(circuits.all().length);
      expect(body).toContainEqual({
        name: 'test',
        state: 'closed',
        failure_count: 0,
        failure_threshold: 5,
        success_count: 0,
        success_threshold: 2,
        health_percentage: 100,
      });
    });

    it('name the storage elements that readiness depends on, to those who may read that', async () => {
      const path = '/api/v1/health/ready';
      const { status, body, headers } = await get(path);
      expect([status, body.status]).toEqual([200, 'ok']);
      expect(body.details).toMatchObject({ 'storage:local-edit': { status: 'up' } });
      expect(headers['cache-control']).toContain('no-store');
      expect((await get(path, await running.token())).status).toBe(403);
      expect((await request(running.url).get(path)).status).toBe(401);
    });

    it('are public as health, by state alone and without a version', async () => {
      const total = circuits.all().length;
      const { status, body, headers } = await request(running.url).get('/health/circuit-breakers');
      expect(status).toBe(200);
      expect(body).toEqual({
        status: 'healthy',
        timestamp: expect.stringMatching(RFC_3339),
        circuit_breakers: expect.objectContaining({ test: { state: 'closed' } }),
        summary: {
          total_breakers: total,
          open_circuits: 0,
          half_open_circuits: 0,
          closed_circuits: total,
          all_healthy: true,
        },
      });
      expect(headers['cache-control']).toBe('no-store');
      expect(headers).not.toHaveProperty('x-api-version');
    });

    it('are documented', async () => {
      const { body } = await request(running.url).get('/docs/json');
      expect(Object.keys(body.paths)).toEqual(
        expect.arrayContaining([
          '/api/v1/resilience/circuit-breakers',
          '/api/v1/resilience/circuit-breakers/{name}',
          '/api/v1/resilience/circuit-breakers/{name}/reset',
          '/api/v1/resilience/circuit-breakers/{name}/force-open',
          '/api/v1/resilience/health',
          '/api/v1/resilience/summary',
          '/api/v1/resilience/transitions',
          '/api/v1/replicas',
          '/api/v1/orders',
          '/api/v1/orders/{id}',
          '/health/circuit-breakers',
          '/metrics',
        ]),
      );
      expect(body.components.schemas.ForceOpenOrder.required).toEqual(['reason']);
    });
  });

  describe('permissions', () => {
    const READS = [
      'resilience/circuit-breakers',
      'resilience/circuit-breakers/test',
      'resilience/health',
      'resilience/summary',
      'resilience/transitions',
      'replicas',
      'orders',
    ];
    const WRITES = [
      'resilience/circuit-breakers/test/reset',
      'resilience/circuit-breakers/test/force-open',
      'orders',
    ];
    const send = (method: 'get' | 'post', path: string): Test =>
      request(running.url)[method](`/api/v1/${path}`);

    it.each([
      ...READS.map((path) => ['get', path] as const),
      ...WRITES.map((path) => ['post', path] as const),
    ])('are asked of a caller without a token at %s %s', async (method, path) => {
      const { status, body } = await send(method, path);
      expect({ status, code: body.code }).toEqual({ status: 401, code: 'UNAUTHORIZED' });
    });

    it('keep uploaders out', async () => {
      const user = await running.token();
      for (const path of READS)
        expect((await send('get', path).auth(user, { type: 'bearer' })).status).toBe(403);
      for (const path of WRITES) {
        const { status, body } = await send('post', path)
          .auth(user, { type: 'bearer' })
          .send({ reason: 'x' });
        expect({ status, code: body.code }).toEqual({ status: 403, code: 'FORBIDDEN' });
      }
    });

    it('let a reader read, but change nothing', async () => {
      const reader = await running.token({ role: undefined, scope: 'admin:read' });
      for (const path of READS)
        expect((await send('get', path).auth(reader, { type: 'bearer' })).status).toBe(200);
      for (const path of WRITES)
        expect((await send('post', path).auth(reader, { type: 'bearer' }).send({ reason: 'x' })).status).toBe(
          403,
        );
      expect(circuit.state).toBe('closed');
    });

    it('are decided before the body is read', async () => {
      const client = await RawClient.connect(running.port);
      client.head('POST /api/v1/resilience/circuit-breakers/test/reset', { 'Content-Length': 100 });
      expect((await client.response()).status).toBe(401);
      client.close();
    });
  });
});
