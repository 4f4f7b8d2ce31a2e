import { describe, expect, it } from '@jest/globals';
import type { Circuit, Replica, Snapshot } from './shapes.js';
import { findings } from './situation.js';

const AT = '2026-12-01T10:00:00.000Z';
const CLOSED: Circuit = {
  state: 'closed',
  failure_count: 0,
  failure_threshold: 5,
  opened_at: null,
  retry_at: null,
  cooling_until: null,
};
const OPEN: Circuit = { ...CLOSED, state: 'open', last_error: { code: 'STORAGE_FAILED', at: AT } };

function replica(id: string, circuits: Record<string, Circuit> = {}, more: Partial<Replica> = {}): Replica {
  return {
    replica_id: id,
    version: '1.0.0',
    address: 'http://10.0.0.1:3000',
    spool_id: null,
    started_at: AT,
    last_seen_at: AT,
    lives: true,
    draining: false,
    uploads: { in_flight: 0, stored: 0, accepted: 0, rejected: 0, failed: 0, client_abort: 0 },
    bytes: { received: 0, sent: 0 },
    deliveries: { delivered: 0, failed_attempts: 0 },
    retries: 0,
    spool: { bytes: 0, files: 0, limit_bytes: 100, free_bytes: 100, shut: null },
    circuits,
    ...more,
  };
}

function snapshot(more: Partial<Snapshot> = {}): Snapshot {
  return {
    at: AT,
    replica_id: 'one',
    replicas: [replica('one', { 'storage:a': CLOSED, 'storage:b': CLOSED })],
    orders: [],
    database_at: null,
    queue: { lanes: [], spools: [] },
    dead_letters: { total: 0, groups: [] },
    transitions: [],
    ...more,
  };
}

function sentences(
  more: Partial<Snapshot>,
  counts: Record<string, number> = {},
  secondsToFull?: number,
): string[] {
  const recent = { total: (outcome: string) => counts[outcome] ?? 0, secondsToFull: () => secondsToFull };
  return findings(snapshot(more), recent).map(({ level, sentence }) => `${level}: ${sentence}`);
}

const two = (a: Circuit, b: Circuit): Partial<Snapshot> => ({
  replicas: [
    replica('one', { 'storage:a': a, 'storage:b': CLOSED }),
    replica('two', { 'storage:a': b, 'storage:b': CLOSED }),
  ],
});

describe('the sentence on how things are', () => {
  it('says that all is well', () => {
    expect(sentences({})).toEqual([
      'good: All is well: 1 replica and all targets take uploads, and nothing waits for you.',
    ]);
  });

  it('names a target, where it is open, and its error', () => {
    expect(sentences(two(OPEN, CLOSED))).toEqual([
      'warn: The circuit of storage:a is open on 1 of 2 replicas: STORAGE_FAILED. Calls go elsewhere or wait.',
    ]);
  });

  it('says who has forced a circuit open, and why', () => {
    const forced = { ...OPEN, forced: { reason: 'new disks', by: 'bob', until: null } };
    expect(sentences(two(forced, forced))).toEqual([
      'warn: storage:a is left alone: bob forced its circuit open (new disks).',
    ]);
  });

  it('is bad when no element takes files', () => {
    const replicas = [replica('one', { 'storage:a': OPEN, 'storage:b': OPEN, admin: CLOSED })];
    expect(sentences({ replicas })).toEqual([
      'bad: No storage element takes files: 2 circuits are all open.',
    ]);
  });

  it('does not count what a replica says that is not seen any more', () => {
    const replicas = [
      replica('one', { 'storage:a': CLOSED }),
      replica('gone-one', { 'storage:a': OPEN }, { lives: false }),
    ];
    expect(sentences({ replicas })).toEqual(['warn: Replica gone-one was not seen for 0 s.']);
  });

  it('puts the worst first', () => {
    const dead = {
      total: 2,
      groups: [{ kind: 'delivery', reason: 'STORAGE_FAILED', target: 'a', count: 2, oldest_at: AT }],
    };
    const replicas = [
      replica('one', {}, { spool: { bytes: 1, files: 1, limit_bytes: 0, free_bytes: 0, shut: 'disk' } }),
    ];
    expect(sentences({ dead_letters: dead, replicas })).toEqual([
      'bad: The spool of replica one has too little space on its disk: what cannot be stored at once is refused.',
      'warn: 2 dead letters wait for a decision, most of STORAGE_FAILED at a.',
    ]);
  });

  it('says that the database is away', () => {
    expect(sentences({ queue: null, dead_letters: null })).toEqual([
      'bad: The database does not answer: files are stored at once or refused, and none is delivered later.',
    ]);
  });

  it.each<[string, Partial<Snapshot>, Record<string, number>, number | undefined]>([
    ['warn: 5 of 100 uploads failed in the last 15 minutes.', {}, { failed: 5, stored: 95 }, undefined],
    ['warn: A spool will be full in 10 min if it goes on like this.', {}, {}, 600],
    [
      'warn: Replica one drains and takes no new uploads.',
      { replicas: [replica('one', {}, { draining: true }), replica('two')] },
      {},
      undefined,
    ],
    [
      'bad: All replicas drain: no uploads are taken.',
      { replicas: [replica('one', {}, { draining: true })] },
      {},
      undefined,
    ],
    [
      'bad: 3 files wait in a spool that no replica has.',
      {
        queue: {
          lanes: [],
          spools: [{ spool_id: 's', address: null, lives: false, last_seen_at: null, waiting: 3 }],
        },
      },
      {},
      undefined,
    ],
    [
      'warn: Accepted files wait for 20 min.',
      {
        queue: {
          lanes: [
            {
              kind: 'delivery',
              lane: 'l',
              waiting: 1,
              running: 0,
              oldest_waiting_since: '2026-12-01T09:40:00.000Z',
            },
          ],
          spools: [],
        },
      },
      {},
      undefined,
    ],
  ])('%s', (sentence, more, counts, full) => {
    expect(sentences(more, counts, full)).toEqual([sentence]);
  });

  it('lets few failures among many uploads be', () => {
    expect(sentences({}, { failed: 4, stored: 96 })).toEqual([expect.stringMatching(/^good/)]);
  });
});
