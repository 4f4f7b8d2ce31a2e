import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import request, { type Test } from 'supertest';
import { Database } from '../../src/database/database.service.js';
import { DeliveryMetrics } from '../../src/delivery/delivery-metrics.service.js';
import { type OperatorsApp, startOperatorsApp } from '../support/operators-app.js';
import { seedLetter } from '../support/dead-letters.js';
import { eventually } from '../support/eventually.js';
import { startPostgres } from '../support/postgres-server.js';
import { HOUR_MS, type LetterStage, onBothDatabases } from './dead-letters-stage.js';

const NOTHING = {
  status: 'healthy',
  statistics: {
    total_failed_tasks: 0,
    recent_failures_24h: 0,
    failures_by_task_type: {},
    oldest_failure: null,
    newest_failure: null,
  },
  health_indicators: {
    total_failed_tasks: 0,
    recent_failures_24h: 0,
    requires_attention: false,
    critical_threshold: 50,
    warning_threshold: 10,
  },
  recommendations: [],
};

onBothDatabases((given) => {
  let stage: LetterStage;

  beforeEach(() => {
    stage = given();
  });

  it('are told to operators alone, by cause', async () => {
    const path = '/api/v1/health/dlq';
    expect((await request(stage.running.url).get(path)).status).toBe(401);
    const user = await stage.running.token();
    expect((await request(stage.running.url).get(path).auth(user, { type: 'bearer' })).status).toBe(403);
  });

  describe('are reported', () => {
    const report = (): Test => request(stage.running.url).get('/health/dlq');
    const causes = (): Test =>
      request(stage.running.url).get('/api/v1/health/dlq').auth(stage.admin, { type: 'bearer' });

    it('as none', async () => {
      const { status, body, headers } = await report();
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      expect(body).toEqual({ ...NOTHING, timestamp: expect.stringMatching(/^\d{4}-.*Z$/) });
    });

    it('with how many, since when, and to operators why', async () => {
      const circuit = stage.circuits.get('storage:se-02') ?? stage.circuits.register('storage:se-02');
      circuit.forceOpen({ by: 'olga', reason: 'x' });
      const opened = circuit.report().opened_at?.slice(11, 16);
      const old = new Date(Date.now() - 30 * HOUR_MS);
      for (let index = 0; index < 9; index += 1)
        await stage.seed({ file: false, reason: index < 4 ? 'STORAGE_TIMEOUT' : 'STORAGE_FAILED' });
      await stage.seed({ reason: 'spool_damaged', deadAt: old });
      await stage.seed({ kind: 'registration', reason: 'VALIDATION_ERROR', target: 'admin' });
      const { status, body, text } = await report();
      const told = await causes();
      circuit.reset({ by: 'olga' });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        status: 'degraded',
        statistics: {
          total_failed_tasks: 11,
          recent_failures_24h: 10,
          failures_by_task_type: { delivery: 10, registration: 1 },
          oldest_failure: old.toISOString(),
        },
        health_indicators: { total_failed_tasks: 11, recent_failures_24h: 10, requires_attention: true },
      });
      expect(body.recommendations).toEqual([expect.stringContaining('GET /api/v1/health/dlq says')]);
      expect(text).not.toMatch(/se-02|STORAGE_|spool_damaged|VALIDATION_ERROR/);
      expect(told.headers['cache-control']).toBe('no-store');
      expect(told.body).toMatchObject({ status: 'degraded', statistics: body.statistics });
      expect(told.body.recommendations).toEqual([
        `9 of 11 failed on se-02: circuit open since ${opened} UTC, by hand; redeliver them once it is closed`,
        expect.stringContaining('1 of 11 cannot be sent: their kept file is damaged (spool_damaged)'),
        '1 of 11 are stored, but their registration at the Admin module failed with VALIDATION_ERROR',
      ]);
    });
  });

  it('are measured', async () => {
    const { taskId } = await stage.seed({ reason: 'in_doubt', deadAt: new Date(Date.now() - HOUR_MS) });
    await stage.seed({ reason: 'what a later release may say' });
    const dead = await stage.seed();
    await stage.call('post', `/${dead.taskId}/redeliver`);
    await stage.call('post', `/${taskId}/redeliver`);
    await stage.database.query(
      `UPDATE ingester.tasks SET state = 'dead', reason = 'in_doubt', dead_at = $2 WHERE task_id = $1`,
      [taskId, Date.now() - HOUR_MS],
    );
    await eventually(async () => {
      const { text } = await request(stage.running.url).get('/metrics');
      expect(text).toContain('\ndead_letters{reason="in_doubt"} 1\n');
      expect(text).toContain('\ndead_letters{reason="other"} 1\n');
      expect(text).toContain('\ndelivery_queue_depth 1\n');
      expect(text).toMatch(/\ndead_letters_oldest_age_seconds 36\d\d(\.\d+)?\n/);
      expect(text).toMatch(/\ndead_letters_redelivered_total\{reason="in_doubt"\} \d+\n/);
      expect(text).toContain('\ndelivery_jobs_total{outcome="delivered"} 0\n');
      expect(text).toMatch(/\nspool_files \d+\n/);
      expect(text).toContain('\nspool_limit_bytes 0\n');
    });
  }, 15_000);
});

describe('what becomes of tasks', () => {
  it('is counted by how each try ended, and by why a task died', async () => {
    const running = await startOperatorsApp();
    try {
      const metrics = running.app.get(DeliveryMetrics);
      metrics.settled('delivered', { kind: 'finish' }, 40);
      metrics.settled('registered', { kind: 'finish' }, 40);
      metrics.settled('delivered', { kind: 'wait', delayMs: 0, attempts: 1, reason: null }, 40);
      metrics.settled('delivered', { kind: 'die', attempts: 1, reason: 'spool_damaged' }, 40);
      const { text } = await request(running.url).get('/metrics');
      for (const outcome of ['delivered', 'registered', 'postponed', 'dead']) {
        expect(text).toContain(`\ndelivery_jobs_total{outcome="${outcome}"} 1\n`);
        expect(text).toContain(`\ndelivery_duration_seconds_bucket{le="0.05",outcome="${outcome}"} 1\n`);
      }
      expect(text).toContain('\ndead_lettered_total{reason="spool_damaged"} 1\n');
    } finally {
      await running.close();
    }
  });
});

describe('without a promise ever made', () => {
  let running: OperatorsApp;

  beforeEach(async () => {
    running = await startOperatorsApp();
  });

  afterEach(() => running.close());

  it('there are no dead letters, and no database is made to say so', async () => {
    const admin = await running.token({ role: 'admin' });
    const get = (path: string): Test => request(running.url).get(path).auth(admin, { type: 'bearer' });
    expect((await get('/api/v1/dead-letters')).body).toEqual({ items: [], next_cursor: null });
    expect((await get(`/api/v1/dead-letters/${randomUUID()}`)).status).toBe(404);
    expect((await get('/health/dlq')).body).toMatchObject(NOTHING);
    const metrics = (await get('/metrics')).text;
    expect(metrics).toContain('\ndelivery_queue_depth 0\n');
    expect(metrics).toContain('\ndead_letters_oldest_age_seconds 0\n');
    const all = await request(running.url)
      .post('/api/v1/dead-letters/redeliver')
      .auth(admin, { type: 'bearer' })
      .send({ filter: {} });
    expect(all.body).toMatchObject({ redelivered: 0, remaining: 0 });
    expect(await readdir(running.dataDir)).not.toContain('database.sqlite');
  });
});

describe('while the database is away', () => {
  it('nobody claims to know, and nobody waits', async () => {
    const server = await startPostgres();
    const running = await startOperatorsApp({ DATABASE_URL: await server.newDatabase() });
    try {
      await seedLetter(running.app.get(Database), running.dataDir);
      await server.stop();
      const startedAt = performance.now();
      const report = await request(running.url).get('/health/dlq');
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      expect(report.body).toMatchObject({ status: 503, code: 'QUEUE_UNAVAILABLE' });
      expect(report.headers['retry-after']).toMatch(/^\d+$/);
      const scrape = await request(running.url).get('/metrics');
      expect(scrape.status).toBe(200);
      expect(scrape.text).not.toMatch(
        /^(delivery_queue_depth|dead_letters\{|dead_letters_oldest_age_seconds )/m,
      );
      expect(scrape.text).toMatch(/^spool_files \d$/m);
    } finally {
      await running.close();
      await server.dispose();
    }
  }, 60_000);
});
