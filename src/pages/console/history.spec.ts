import { describe, expect, it } from '@jest/globals';
import { History } from './history.js';
import type { Replica, Snapshot } from './shapes.js';

const START = Date.parse('2026-12-01T10:00:00.000Z');

interface Seen {
  readonly second: number;
  readonly stored: number;
  readonly spool?: number;
  readonly startedAt?: string;
}

function snapshot({ second, stored, spool = 0, startedAt = 'then' }: Seen): Snapshot {
  const replica: Replica = {
    replica_id: 'one',
    version: '1.0.0',
    address: 'http://10.0.0.1:3000',
    spool_id: null,
    started_at: startedAt,
    last_seen_at: startedAt,
    lives: true,
    draining: false,
    uploads: { in_flight: 0, stored, accepted: 0, rejected: 0, failed: 0, client_abort: 0 },
    bytes: { received: 0, sent: 0 },
    deliveries: { delivered: 0, failed_attempts: 0 },
    retries: 0,
    spool: { bytes: spool, files: 0, limit_bytes: 1000, free_bytes: null, shut: null },
    circuits: {},
  };
  const at = new Date(START + second * 1000).toISOString();
  return {
    at,
    replica_id: 'one',
    replicas: [replica],
    orders: [],
    database_at: null,
    queue: null,
    dead_letters: null,
    transitions: [],
  };
}

function history(...seen: readonly Seen[]): History {
  const made = new History();
  for (const each of seen) made.add(snapshot(each));
  return made;
}

describe('History', () => {
  it('counts what happened between snapshots, and not what was before the first', () => {
    const { buckets } = history(
      { second: 0, stored: 500 },
      { second: 1, stored: 503 },
      { second: 12, stored: 510 },
    );
    expect(buckets.map(({ seconds, uploads }) => [seconds, uploads.stored])).toEqual([
      [1, 3],
      [11, 7],
    ]);
  });

  it('says since when it counts, while that is less than 15 minutes', () => {
    expect(history({ second: 0, stored: 0 }, { second: 880, stored: 9 }).sinceMs).toBe(START);
    expect(history({ second: 0, stored: 0 }, { second: 900, stored: 9 }).sinceMs).toBeUndefined();
  });

  it('counts from 0 what a process says that has started again', () => {
    const seen = history({ second: 0, stored: 500 }, { second: 1, stored: 4, startedAt: 'now' });
    expect(seen.total('stored')).toBe(4);
  });

  it('keeps 15 minutes, however long it runs', () => {
    const seen = history(...Array.from({ length: 5_000 }, (_, second) => ({ second, stored: second })));
    expect(seen.buckets.length).toBe(90);
    expect(seen.total('stored')).toBe(900);
    expect(seen.rate(({ uploads }) => uploads.stored)).toBeCloseTo(1, 5);
  });

  it('makes no time twice when a clock is set back', () => {
    const { buckets } = history(
      { second: 100, stored: 0 },
      { second: 20, stored: 1 },
      { second: 21, stored: 2 },
    );
    expect(buckets.map(({ seconds, uploads }) => [seconds, uploads.stored])).toEqual([[1, 2]]);
  });

  it('says when a spool that fills is full, and nothing of one that does not', () => {
    const filling = Array.from({ length: 60 }, (_, second) => ({ second, stored: 0, spool: second * 2 }));
    // 118 of 1000 after a minute, 2 more every second.
    const seconds = history(...filling).secondsToFull() ?? 0;
    expect(seconds).toBeGreaterThan(350);
    expect(seconds).toBeLessThan(500);
    const steady = filling.map(({ second }) => ({ second, stored: 0, spool: 500 }));
    expect(history(...steady).secondsToFull()).toBeUndefined();
  });
});
