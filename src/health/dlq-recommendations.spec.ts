import { describe, expect, it } from '@jest/globals';
import type { DeadLetterGroup } from '../delivery/dead-letter.js';
import type { CircuitReport } from '../outbound/circuit-reports.js';
import { recommendations } from './dlq-recommendations.js';
import { dlqReport } from './dlq-report.js';

const NOW = new Date('2026-11-20T12:00:00.000Z');

const group = (count: number, members: Partial<DeadLetterGroup> = {}): DeadLetterGroup => ({
  kind: 'delivery',
  reason: 'STORAGE_FAILED',
  target: 'storage:se-02',
  refusedWith: null,
  count,
  recent: count,
  oldest: NOW,
  newest: NOW,
  ...members,
});

const circuit = (members: Partial<CircuitReport> = {}): CircuitReport => ({
  state: 'closed',
  failure_count: 0,
  failure_threshold: 5,
  success_count: 0,
  success_threshold: 2,
  opened_at: null,
  last_failure_time: null,
  last_success_time: null,
  consecutive_failures: 0,
  consecutive_successes: 0,
  state_changes: 0,
  rejected_count: 0,
  neutral_count: 0,
  retry_at: null,
  cooling_until: null,
  health_percentage: 100,
  ...members,
});

const OPEN = circuit({ state: 'open', opened_at: '2026-11-20T10:02:33.000Z' });

const say = (groups: DeadLetterGroup[], circuits: Record<string, CircuitReport> = {}): string[] =>
  recommendations({ groups, circuits, now: NOW });

describe('recommendations', () => {
  it('say nothing where nothing is dead', () => {
    expect(say([])).toEqual([]);
  });

  it('name the open circuit that most failed at, whatever single attempts ended with', () => {
    const groups = [group(5), group(4, { reason: 'STORAGE_TIMEOUT' }), group(2, { target: 'storage:se-01' })];
    expect(say(groups, { 'storage:se-02': OPEN, 'storage:se-01': circuit() })).toEqual([
      '9 of 11 failed on se-02: circuit open since 10:02 UTC; redeliver them once it is closed',
      '2 of 11 failed on se-01 with STORAGE_FAILED; its circuit is closed: it answers others',
    ]);
  });

  it('name the day of a circuit that has been open since another one, and that it was opened by hand', () => {
    const forced = { reason: 'x', by: 'olga', until: null };
    const since = circuit({ state: 'open', opened_at: '2026-11-18T23:59:00.000Z', forced });
    expect(say([group(1)], { 'storage:se-02': since })[0]).toContain(
      'circuit open since 2026-11-18 23:59 UTC, by hand',
    );
  });

  it('do not blame an open circuit for what was refused, and name the status', () => {
    const groups = [
      group(3, { refusedWith: 422 }),
      group(2),
      group(1, { kind: 'registration', reason: 'ADMIN_UNAVAILABLE', target: 'admin', refusedWith: 400 }),
    ];
    expect(say(groups, { 'storage:se-02': OPEN, admin: OPEN })).toEqual([
      '3 of 6 were refused by se-02 with 422 (STORAGE_FAILED); redelivered, they are refused again until the cause is mended',
      '2 of 6 failed on se-02: circuit open since 10:02 UTC; redeliver them once it is closed',
      '1 of 6 are stored, but the Admin module refused their registration with 400 (ADMIN_UNAVAILABLE); redelivered, they are refused again until the cause is mended',
    ]);
  });

  it('do not blame a circuit that opened only after they were dead', () => {
    const groups = [group(2, { newest: new Date('2026-11-20T10:00:00.000Z') })];
    expect(say(groups, { 'storage:se-02': OPEN })).toEqual([
      '2 of 2 failed on se-02 with STORAGE_FAILED; circuit open since 10:02 UTC; redeliver them once it is closed',
    ]);
  });

  it('tell a circuit that is being tried', () => {
    const tried = circuit({ state: 'half_open', opened_at: '2026-11-20T10:02:00.000Z' });
    expect(say([group(1)], { 'storage:se-02': tried })[0]).toContain(
      'circuit half-open, opened at 10:02 UTC',
    );
  });

  it.each<[Partial<DeadLetterGroup>, string]>([
    [{ reason: 'spool_damaged', target: null }, '1 of 1 cannot be sent: their kept file is damaged'],
    [{ reason: 'spool_file_missing', target: null }, '1 of 1 have no file in the spool'],
    [{ reason: 'in_doubt' }, '1 of 1 may be on se-02 already'],
    [{ reason: 'CONFLICT' }, '1 of 1 were refused by se-02, which has other bytes under their id'],
    [{ reason: 'STORAGE_FULL' }, '1 of 1 failed on se-02: it is full'],
    [{ reason: null }, '1 of 1 failed on se-02 with a reason that was not written down'],
    [
      { reason: 'ADMIN_UNAVAILABLE', kind: 'registration', target: 'admin' },
      '1 of 1 are stored, but their registration at the Admin module failed with ADMIN_UNAVAILABLE',
    ],
    [{ reason: 'constructor' }, '1 of 1 failed on se-02 with constructor'],
  ])('name what %j means', (members, expected) => {
    expect(say([group(1, members)])[0]).toContain(expected);
  });

  it('say of a doubt whether the element that has to be asked can be', () => {
    const [text] = say([group(2, { reason: 'in_doubt' })], { 'storage:se-02': OPEN });
    expect(text).toMatch(/^2 of 2 may be on se-02 .*; circuit open since 10:02 UTC$/);
  });

  it('name the circuits of all elements where none was found to send to', () => {
    const groups = [group(3, { reason: 'NO_STORAGE_AVAILABLE', target: null })];
    expect(say(groups, { 'storage:se-02': OPEN, 'storage:se-01': circuit(), database: OPEN })).toEqual([
      '3 of 3 found no storage element (NO_STORAGE_AVAILABLE); se-02: circuit open since 10:02 UTC',
    ]);
    expect(say(groups, { 'storage:se-02': circuit() })[0]).toMatch(
      /all circuits are closed now: redeliver them$/,
    );
  });

  it('are ten at most, the commonest first, and none is kept secret', () => {
    const groups = Array.from({ length: 14 }, (_, index) =>
      group(index + 1, { target: `storage:se-${index}` }),
    );
    const said = say(groups);
    expect(said).toHaveLength(11);
    expect(said[0]).toMatch(/^14 of 105 failed on se-13 /);
    expect(said[10]).toBe('10 of 105 have other causes, each of them rarer');
  });
});

describe('the report of dead letters', () => {
  it.each([
    [0, 'healthy', false],
    [9, 'healthy', false],
    [10, 'degraded', true],
    [49, 'degraded', true],
    [50, 'critical', true],
  ])('of %i is %s', (count, status, requiresAttention) => {
    const groups = count === 0 ? [] : [group(count)];
    expect(dlqReport({ groups, circuits: {}, now: NOW })).toMatchObject({
      status,
      health_indicators: { total_failed_tasks: count, requires_attention: requiresAttention },
    });
  });

  it('adds up what the groups say', () => {
    const oldest = new Date('2026-11-01T00:00:00.000Z');
    const groups = [group(3, { recent: 1, oldest }), group(2, { kind: 'registration', recent: 2 })];
    expect(dlqReport({ groups, circuits: {}, now: NOW }).statistics).toEqual({
      total_failed_tasks: 5,
      recent_failures_24h: 3,
      failures_by_task_type: { delivery: 3, registration: 2 },
      oldest_failure: '2026-11-01T00:00:00.000Z',
      newest_failure: '2026-11-20T12:00:00.000Z',
    });
  });
});
