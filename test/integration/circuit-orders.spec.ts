import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import type { CircuitBreaker } from '../../src/outbound/circuit/circuit-breaker.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import type { CircuitTransition } from '../../src/outbound/circuit/circuit-state.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { UNTOUCHED } from '../support/circuits.js';
import { RawClient } from '../support/raw-client.js';

describe('orders to circuits', () => {
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
  const order = (what: string, body?: string | object): Test =>
    request(running.url)
      .post(`/api/v1/resilience/circuit-breakers/test/${what}`)
      .auth(admin, { type: 'bearer' })
      .set('Content-Type', 'application/json')
      .send(body);

  it('open a circuit by hand, which every report shows, and the public one without saying why', async () => {
    const { status, body } = await order('force-open', { reason: 'disk is replaced', ttl_seconds: 60 });
    expect(status).toBe(200);
    const forced = { reason: 'disk is replaced', by: 'olga', until: body.retry_at };
    expect(body).toMatchObject({ state: 'open', health_percentage: 0, state_changes: 1, forced });
    expect(Date.parse(body.retry_at) - Date.parse(body.opened_at)).toBe(60_000);

    expect(body.replicas).toEqual({ [replicaId]: expect.objectContaining({ state: 'open', forced }) });

    const later = await get('/api/v1/resilience/circuit-breakers/test');
    expect(later.body).toEqual({ ...body, replicas: expect.anything() });
    expect((await get('/api/v1/resilience/health')).body).toMatchObject({
      status: expect.stringMatching(/^(degraded|critical)$/),
      circuits_by_state: { open: 1 },
      open_circuits: ['test'],
    });
    expect((await get('/api/v1/resilience/summary')).body).toContainEqual(
      expect.objectContaining({ name: 'test', state: 'open', health_percentage: 0 }),
    );
    const open = await request(running.url).get('/health/circuit-breakers');
    expect(open.body).toMatchObject({
      status: expect.stringMatching(/^(degraded|critical)$/),
      summary: { open_circuits: 1, all_healthy: false },
    });
    expect(open.body.circuit_breakers.test).toEqual({ state: 'open' });
    expect(open.text).not.toMatch(/olga|disk is replaced/);
  });

  it('open a circuit without an end where no time is given', async () => {
    const { body } = await order('force-open', { reason: 'x' });
    expect(body).toMatchObject({ state: 'open', retry_at: null, forced: { until: null } });
  });

  it.each([undefined, {}, { reason: 'disk is back' }])('close a circuit by hand with %j', async (body) => {
    await order('force-open', { reason: 'x' });
    const answer = await order('reset', body);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ ...UNTOUCHED, state_changes: 2, replicas: expect.anything() });
    const later = await get('/api/v1/resilience/circuit-breakers/test');
    expect(later.body).toEqual({ ...answer.body, replicas: expect.anything() });
  });

  it('tell who gave them and why', async () => {
    const heard: CircuitTransition[] = [];
    circuits.onTransition((transition) => heard.push(transition));
    await order('force-open', { reason: 'disk is replaced' });
    await order('reset', { reason: 'disk is back' });
    expect(heard).toMatchObject([
      { name: 'test', cause: 'forced', by: 'olga', reason: 'disk is replaced' },
      { name: 'test', cause: 'reset', by: 'olga', reason: 'disk is back' },
    ]);
  });

  it.each([
    ['no reason', {}, 'reason'],
    ['an empty reason', { reason: '' }, 'reason'],
    ['a reason of spaces', { reason: ' \n' }, 'reason'],
    ['a reason that nobody sees', { reason: '\u200B' }, 'reason'],
    ['a reason that is too long', { reason: 'x'.repeat(501) }, 'reason'],
    ['a reason that is no text', { reason: { toString: 1 } }, 'reason'],
    ['a time of 0', { reason: 'x', ttl_seconds: 0 }, 'ttl_seconds'],
    ['a time beyond a day', { reason: 'x', ttl_seconds: 86_401 }, 'ttl_seconds'],
    ['a part of a second', { reason: 'x', ttl_seconds: 1.5 }, 'ttl_seconds'],
    ['a time as text', { reason: 'x', ttl_seconds: '60' }, 'ttl_seconds'],
    ['null for a time', { reason: 'x', ttl_seconds: null }, 'ttl_seconds'],
    ['a member that every object has', { reason: 'x', constructor: 1 }, 'constructor'],
    ['a misspelt member', { reason: 'x', ttl_second: 60 }, 'ttl_second'],
  ])('are refused with %s', async (_, body, field) => {
    const answer = await order('force-open', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'VALIDATION_ERROR',
      errors: [{ field, message: expect.stringContaining(field) }],
    });
    expect(circuit.state).toBe('closed');
  });

  it.each(['{"reason":', 'nothing', '[]', '[{"reason":"x"}]', 'null', '"x"', '7', '{"reason":"x"} {}'])(
    'are refused with the body %s',
    async (body) => {
      const answer = await order('force-open', body);
      expect({ status: answer.status, type: answer.type }).toEqual({
        status: 400,
        type: 'application/problem+json',
      });
      expect(answer.body.code).toBe('VALIDATION_ERROR');
      expect(answer.text).not.toMatch(/SyntaxError|\bat \w|\.js/);
      expect(circuit.state).toBe('closed');
    },
  );

  it('are refused with text that no row can hold', async () => {
    const answer = await order('force-open', String.raw`{"reason":"a\u0000"}`);
    expect({ status: answer.status, code: answer.body.code }).toEqual({
      status: 400,
      code: 'VALIDATION_ERROR',
    });
  });

  it.each([17, 8_000])('are refused with a body of %i levels', async (levels) => {
    const body = `{"reason":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    const answer = await order('force-open', body);
    expect({ status: answer.status, code: answer.body.code }).toEqual({
      status: 400,
      code: 'VALIDATION_ERROR',
    });
    expect(answer.body.detail).toContain('levels');
  });

  it('are refused when they are not UTF-8', async () => {
    const body = Buffer.from([...Buffer.from('{"reason":"'), 0xff, ...Buffer.from('"}')]);
    const answer = await order('force-open')
      .serialize((value) => value)
      .send(body);
    expect(answer.body).toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it.each([
    ['Content-Type', 'text/plain'],
    ['Content-Type', 'application/x-www-form-urlencoded'],
    ['Content-Encoding', 'gzip'],
  ])('are refused with %s: %s', async (name, value) => {
    const answer = await order('force-open').set(name, value).send('{"reason":"x"}');
    expect(answer.body).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('are refused when they are too large, with an answer that is read', async () => {
    const answer = await order('force-open', { reason: 'x'.repeat(1_000_000) });
    expect(answer.body).toMatchObject({ status: 400, code: 'VALIDATION_ERROR' });
  });

  it('cannot change the prototype of anything', async () => {
    const answer = await order('force-open', '{"reason":"x","__proto__":{"polluted":1}}');
    expect(answer.status).toBe(400);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it.each([
    ['asks whether to go on', '100-continue', [100, 200]],
    ['expects something else', 'other', [200]],
  ])('are taken from a client that %s', async (_, expectation, statuses) => {
    const client = await RawClient.connect(running.port);
    const body = '{"reason":"x"}';
    client.head('POST /api/v1/resilience/circuit-breakers/test/force-open', {
      Authorization: `Bearer ${admin}`,
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      Expect: expectation,
    });
    client.send(body);
    for (const status of statuses) expect((await client.response()).status).toBe(status);
    client.close();
  });

  it('of a client that leaves in the middle change nothing', async () => {
    const client = await RawClient.connect(running.port);
    client
      .head('POST /api/v1/resilience/circuit-breakers/test/force-open', {
        Authorization: `Bearer ${admin}`,
        'Content-Type': 'application/json',
        'Content-Length': 100,
      })
      .send('{"reason":"x"}');
    client.socket.end();
    await client.untilClosed();
    expect(circuit.state).toBe('closed');
  });
});
