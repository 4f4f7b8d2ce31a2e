export const MINUTE_MS = 60_000;
export const REPLICAS = [
  '3f8a1c52-0000-4000-8000-000000000001',
  '7be04d11-0000-4000-8000-000000000002',
  'c1905fe8-0000-4000-8000-000000000003',
];

export type Json = Record<string, unknown>;

export const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

/** A service that has nothing to do. */
export function quietSnapshot(): Json {
  return {
    at: ago(0),
    replica_id: REPLICAS[0],
    replicas: [replica(0, { 'storage:se-01': circuit(), 'storage:se-02': circuit(), admin: circuit() })],
    orders: [],
    database_at: ago(0),
    queue: { lanes: [], spools: [] },
    dead_letters: { total: 0, groups: [] },
    transitions: [],
  };
}

/** A service that has much to say; `second` is how long it runs. */
export function busySnapshot(second = 0): Json {
  return {
    at: ago(0),
    replica_id: REPLICAS[0],
    replicas: busyReplicas(second),
    orders: orders(),
    database_at: ago(0),
    queue: queue(),
    dead_letters: {
      total: 42,
      groups: [
        {
          kind: 'delivery',
          reason: 'STORAGE_FAILED',
          target: 'storage:se-01',
          count: 40,
          oldest_at: ago(600 * MINUTE_MS),
        },
      ],
    },
    transitions: transitions(),
  };
}

function orders(): Json[] {
  return [
    {
      order_id: '11111111-0000-4000-8000-000000000001',
      kind: 'force-open',
      target: 'storage:se-03',
      replica_id: null,
      reason: 'disks are changed',
      by: 'bob',
      ordered_at: ago(15 * MINUTE_MS),
      until: ago(-45 * MINUTE_MS),
    },
    {
      order_id: '11111111-0000-4000-8000-000000000002',
      kind: 'drain',
      target: null,
      replica_id: REPLICAS[1],
      reason: 'new kernel',
      by: 'alice',
      ordered_at: ago(4 * MINUTE_MS),
      until: null,
    },
  ];
}

function queue(): Json {
  return {
    lanes: [
      {
        kind: 'delivery',
        lane: 'small',
        waiting: 1204,
        running: 8,
        oldest_waiting_since: ago(22 * MINUTE_MS),
      },
      { kind: 'delivery', lane: 'large', waiting: 3, running: 2, oldest_waiting_since: ago(9 * MINUTE_MS) },
      { kind: 'registration', lane: 'registration', waiting: 0, running: 1, oldest_waiting_since: null },
    ],
    spools: REPLICAS.map((id, index) => ({
      spool_id: id.replace('-0000-', '-5b00-'),
      address: `http://10.0.0.${index + 4}:3000`,
      lives: index < 2,
      last_seen_at: ago(index < 2 ? 2_000 : 3 * MINUTE_MS),
      waiting: 400 - index,
    })),
  };
}

function transitions(): Json[] {
  return [
    {
      at: ago(MINUTE_MS),
      replica_id: REPLICAS[0],
      name: 'storage:se-01',
      from: 'closed',
      to: 'open',
      cause: 'failures',
      by: null,
      reason: null,
    },
    {
      at: ago(15 * MINUTE_MS),
      replica_id: REPLICAS[1],
      name: 'storage:se-03',
      from: 'closed',
      to: 'open',
      cause: 'forced',
      by: 'bob',
      reason: 'disks are changed',
    },
  ];
}

function busyReplicas(second: number): Json[] {
  const open = circuit({
    state: 'open',
    failure_count: 5,
    opened_at: ago(MINUTE_MS),
    retry_at: ago(-20_000),
    last_error: { code: 'STORAGE_FAILED', at: ago(62_000) },
  });
  const forced = circuit({
    state: 'open',
    opened_at: ago(MINUTE_MS),
    forced: { reason: 'disks are changed', by: 'bob', until: ago(-45 * MINUTE_MS) },
  });
  const cooling = circuit({
    state: 'half_open',
    failure_count: 2,
    cooling_until: ago(-8_000),
    last_error: { code: 'STORAGE_BUSY', at: ago(5_000) },
  });
  return [
    replica(
      0,
      { 'storage:se-01': open, 'storage:se-02': circuit(), 'storage:se-03': forced, admin: circuit() },
      second,
    ),
    {
      ...replica(
        1,
        { 'storage:se-01': cooling, 'storage:se-02': circuit(), 'storage:se-03': forced, admin: circuit() },
        second,
      ),
      draining: true,
    },
    {
      ...replica(2, {
        'storage:se-01': open,
        'storage:se-02': circuit(),
        'storage:se-03': forced,
        admin: circuit(),
      }),
      lives: false,
      last_seen_at: ago(3 * MINUTE_MS),
    },
  ];
}

/** Another time would be another start, with counters from the beginning. */
const STARTED_AT = ago(190 * MINUTE_MS);

/** Uploads that a replica of `busySnapshot` has stored after so many seconds. */
export function storedAfter(second: number): number {
  return 48_210 + Math.round(40 * second + 20 * Math.sin(second / 40));
}

export function replica(index: number, circuits: Json, second = 0): Json {
  return {
    replica_id: REPLICAS[index],
    version: '1.4.0',
    address: `http://10.0.0.${index + 4}:3000`,
    spool_id: REPLICAS[index]?.replace('-0000-', '-5b00-'),
    started_at: STARTED_AT,
    last_seen_at: ago(5_000 + index * 2_000),
    lives: true,
    draining: false,
    uploads: {
      in_flight: 12 + index,
      stored: storedAfter(second),
      accepted: 900 + 4 * second,
      rejected: 31 + second,
      failed: 7 + Math.round(second / 9),
      client_abort: 4,
      received: 0,
    },
    bytes: { received: 9e9 + 3e7 * second, sent: 8e9 + 2.6e7 * second },
    deliveries: { delivered: 850, failed_attempts: 12 },
    retries: 40,
    spool: {
      bytes: 21e9 + 1e7 * second,
      files: 1_204,
      limit_bytes: 50e9,
      free_bytes: 80e9,
      shut: null,
      open_uploads: 2,
    },
    circuits,
  };
}

export function circuit(more: Json = {}): Json {
  return {
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
    in_flight: 3,
    last_error: null,
    ...more,
  };
}
