import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import type { CircuitBreaker } from '../../src/outbound/circuit/circuit-breaker.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { callThrough } from '../support/circuits.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';

/** What dashboards and alerts are built on. */
const FAMILIES = {
  counter: `
    upload_requests_total upload_received_bytes_total upload_forwarded_bytes_total
    resilience_retry_attempts_total resilience_retry_suppressed_total resilience_fallback_total
    resilience_timeouts_total resilience_bulkhead_rejected_total resilience_circuit_breaker_transitions_total
    resilience_circuit_breaker_calls_total delivery_jobs_total dead_lettered_total
    dead_letters_redelivered_total storage_expired_files_total storage_expired_bytes_total
    storage_expiry_failures_total process_cpu_user_seconds_total process_cpu_system_seconds_total
    process_cpu_seconds_total`,
  histogram: `
    upload_duration_seconds upload_size_bytes delivery_duration_seconds nodejs_gc_duration_seconds`,
  gauge: `
    upload_inflight resilience_bulkhead_inflight resilience_bulkhead_queued
    resilience_bulkhead_inflight_bytes resilience_circuit_breaker_state resilience_circuit_breaker_forced
    body_spool_bytes body_spool_files body_spool_spare_bytes body_spool_oldest_age_seconds body_spool_limit_bytes delivery_queue_depth
    dead_letters_oldest_age_seconds dead_letters spool_bytes spool_files spool_oldest_age_seconds
    spool_reserved_bytes spool_limit_bytes spool_free_bytes spool_shut process_start_time_seconds process_resident_memory_bytes process_virtual_memory_bytes
    process_heap_bytes process_open_fds process_max_fds nodejs_eventloop_lag_seconds
    nodejs_eventloop_lag_min_seconds nodejs_eventloop_lag_max_seconds nodejs_eventloop_lag_mean_seconds
    nodejs_eventloop_lag_stddev_seconds nodejs_eventloop_lag_p50_seconds nodejs_eventloop_lag_p90_seconds
    nodejs_eventloop_lag_p99_seconds nodejs_active_resources
    nodejs_active_handles nodejs_active_requests
    nodejs_heap_size_total_bytes nodejs_heap_size_used_bytes nodejs_external_memory_bytes
    nodejs_heap_space_size_total_bytes nodejs_heap_space_size_used_bytes
    nodejs_heap_space_size_available_bytes nodejs_version_info`,
};

describe('GET /metrics', () => {
  let running: RunningApp;
  let circuits: CircuitBreakers;
  let circuit: CircuitBreaker;

  beforeEach(async () => {
    running = await startApp();
    circuits = running.app.get(CircuitBreakers);
    circuit = circuits.register('test');
  });

  afterEach(() => running.close());

  /** Values by metric and labels, as they are written. */
  async function metrics(): Promise<ReadonlyMap<string, number>> {
    const { status, text, headers } = await request(running.url).get('/metrics');
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: expect.stringMatching(/^text\/plain;.*version=0\.0\.4/),
    });
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      samples.map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  const state = (name: string): string => `resilience_circuit_breaker_state{name="test",state="${name}"}`;
  const calls = (outcome: string): string =>
    `resilience_circuit_breaker_calls_total{name="test",outcome="${outcome}"}`;

  it('shows one state of each circuit, and its calls and changes', async () => {
    callThrough(circuit, 'success');
    callThrough(circuit, 'failure');
    callThrough(circuit, 'neutral');
    circuit.forceOpen({ by: 'olga', reason: 'x' });
    circuit.tryAcquire();
    const shown = await metrics();
    expect([state('closed'), state('open'), state('half_open')].map((key) => shown.get(key))).toEqual([
      0, 1, 0,
    ]);
    for (const outcome of ['success', 'failure', 'neutral', 'rejected'])
      expect({ outcome, count: shown.get(calls(outcome)) }).toEqual({ outcome, count: 1 });
    const transition =
      'resilience_circuit_breaker_transitions_total{name="test",from="closed",to="open",cause=';
    expect(shown.get(`${transition}"forced"}`)).toBe(1);

    circuit.reset({ by: 'olga' });
    const later = await metrics();
    expect([state('closed'), state('open'), state('half_open')].map((key) => later.get(key))).toEqual([
      1, 0, 0,
    ]);
  });

  it('tells a circuit that an operator has opened from one that failures have opened', async () => {
    const forced = async (): Promise<unknown> =>
      (await metrics()).get('resilience_circuit_breaker_forced{name="test"}');
    expect(await forced()).toBe(0);
    circuit.forceOpen({ by: 'olga', reason: 'x' });
    expect(await forced()).toBe(1);
    circuit.reset({ by: 'olga' });
    for (let failures = 0; failures < 5; failures += 1) callThrough(circuit, 'failure');
    expect(circuit.state).toBe('open');
    expect(await forced()).toBe(0);
  });

  it('uses up no probe of a half-open circuit', async () => {
    circuit = circuits.register('probed', { successThreshold: 1 });
    circuit.forceOpen({ by: 'olga', reason: 'x', ttlMs: 1 });
    await eventually(async () => expect(circuit.state).toBe('half_open'));
    for (let scrapes = 0; scrapes < 3; scrapes += 1) {
      const shown = await metrics();
      expect(shown.get('resilience_circuit_breaker_state{name="probed",state="half_open"}')).toBe(1);
      expect(shown.get('resilience_circuit_breaker_forced{name="probed"}')).toBe(0);
    }
    const probe = circuit.tryAcquire();
    expect(probe.admitted).toBe(true);
    // There is one probe alone, and looking does not give it back either.
    await metrics();
    expect(circuit.tryAcquire().admitted).toBe(false);
  });

  it('has exactly one state for each circuit', async () => {
    const shown = [...(await metrics())].filter(([key]) =>
      key.startsWith('resilience_circuit_breaker_state'),
    );
    for (const { name } of circuits.all()) {
      const values = shown.filter(([key]) => key.includes(`name="${name}"`)).map(([, value]) => value);
      expect({ name, values: values.toSorted((one, other) => one - other) }).toEqual({
        name,
        values: [0, 0, 1],
      });
    }
  });

  it('counts uploads that are stored', async () => {
    await request(running.url)
      .post('/api/v1/files/upload')
      .auth(await running.token(), { type: 'bearer' })
      .attach('file', randomBytes(100_000), 'a.bin');
    await request(running.url)
      .put(`/api/v1/files/${randomUUID()}`)
      .auth(await running.token(), { type: 'bearer' })
      .set('Content-Type', 'application/octet-stream')
      .send(randomBytes(5_000));
    const shown = await metrics();
    for (const [route, bytes] of [
      ['multipart', 100_000],
      ['raw', 5_000],
    ] as const) {
      const labels = `{route="${route}",outcome="stored"}`;
      expect(shown.get(`upload_requests_total${labels}`)).toBe(1);
      expect(shown.get(`upload_size_bytes_sum${labels}`)).toBe(bytes);
      expect(shown.get(`upload_duration_seconds_count${labels}`)).toBe(1);
      expect(shown.get(`upload_duration_seconds_sum${labels}`)).toBeGreaterThan(0);
    }
    expect(shown.get('upload_received_bytes_total')).toBe(105_000);
    expect(shown.get('upload_inflight')).toBe(0);
  });

  it('counts uploads that are refused, by headers and by content', async () => {
    const token = await running.token();
    const post = (): Test =>
      request(running.url).post('/api/v1/files/upload').auth(token, { type: 'bearer' });
    await post().set('Content-Type', 'text/plain').send('x');
    await post()
      .set('Content-Type', MULTIPART_TYPE)
      .send(multipart([filePart('', '')]));
    const shown = await metrics();
    expect(shown.get('upload_requests_total{route="multipart",outcome="rejected"}')).toBe(2);
    expect(shown.get('upload_requests_total{route="multipart",outcome="stored"}')).toBe(0);
    expect(shown.get('upload_received_bytes_total')).toBe(0);
  });

  it('counts an upload while it is under way, and as aborted when its client leaves', async () => {
    const client = await RawClient.connect(running.port);
    client
      .head(`PUT /api/v1/files/${randomUUID()}`, {
        Authorization: `Bearer ${await running.token()}`,
        'Content-Type': 'application/octet-stream',
        'Content-Length': 1_000,
      })
      .send(Buffer.alloc(400));
    await eventually(async () => {
      const shown = await metrics();
      expect(shown.get('upload_inflight')).toBe(1);
      expect(shown.get('upload_received_bytes_total')).toBe(400);
    });
    client.close();
    await eventually(async () => {
      const shown = await metrics();
      expect(shown.get('upload_requests_total{route="raw",outcome="client_abort"}')).toBe(1);
      expect(shown.get('upload_inflight')).toBe(0);
      expect(shown.get('upload_received_bytes_total')).toBe(400);
    });
  });

  it('counts an upload that is turned away before its body is read', async () => {
    await running.close();
    running = await startApp({ MAX_UPLOADS_PER_CALLER: '1' });
    const token = await running.token();
    const client = await RawClient.connect(running.port);
    client.head(`PUT /api/v1/files/${randomUUID()}`, {
      Authorization: `Bearer ${token}`,
      'Content-Length': 1_000,
    });
    await eventually(async () => expect((await metrics()).get('upload_inflight')).toBe(1));
    const put = request(running.url).put(`/api/v1/files/${randomUUID()}`).auth(token, { type: 'bearer' });
    expect((await put.send('x')).status).toBe(429);
    const shown = await metrics();
    expect(shown.get('upload_requests_total{route="raw",outcome="rejected"}')).toBe(1);
    const callers = ['inflight', 'queued', 'inflight_bytes', 'rejected_total'].map((reading) =>
      shown.get(`resilience_bulkhead_${reading}{name="callers"}`),
    );
    expect(callers).toEqual([1, 0, 0, 1]);
    client.close();
  });

  it('has no label that a client can choose', async () => {
    const token = await running.token({ sub: 'mallory' });
    const id = randomUUID();
    await request(running.url)
      .put(`/api/v1/files/${id}`)
      .auth(token, { type: 'bearer' })
      .set('Content-Disposition', 'attachment; filename="mallory.txt"')
      .send('x');
    await request(running.url)
      .get('/api/v1/resilience/circuit-breakers/mallory')
      .auth(await running.token({ role: 'admin' }), { type: 'bearer' });
    const shown = [...(await metrics()).keys()].join('\n');
    expect(shown).not.toContain('mallory');
    expect(shown).not.toContain(id);
  });

  it.each(Object.entries(FAMILIES))('has every %s by its name', async (type, names) => {
    const { text } = await request(running.url).get('/metrics');
    const found = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].filter(([, , kind]) => kind === type);
    expect(found.map(([, name]) => name)).toEqual(expect.arrayContaining(names.trim().split(/\s+/)));
  });

  it('shows the process, also of a second application in it', async () => {
    const second = await startApp();
    try {
      for (const { url } of [running, second]) {
        const { text } = await request(url).get('/metrics');
        for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
          expect(text.match(new RegExp(`^${name} `, 'gm'))).toHaveLength(1);
      }
      await request(running.url)
        .put(`/api/v1/files/${randomUUID()}`)
        .auth(await running.token(), { type: 'bearer' })
        .send('x');
      const { text } = await request(second.url).get('/metrics');
      expect(text).toContain('upload_received_bytes_total 0\n');
    } finally {
      await second.close();
    }
  });
});
