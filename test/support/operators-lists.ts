import { ago, type Json, MINUTE_MS, REPLICAS } from './operators-data.js';

export function activeUpload(index: number): Json {
  const phase = ['receiving', 'storing', 'waiting', 'accepting'][index % 4];
  return {
    upload_id: `aaaa${String(index).padStart(4, '0')}-0000-4000-8000-000000000000`,
    replica_id: REPLICAS[index % 2],
    caller: index % 3 === 0 ? 'camera-archive' : 'alice@example.com',
    protocol: ['form', 'raw', 'tus', 'resumable'][index % 4],
    phase,
    bytes_received: 120_000_000 * (index + 1),
    declared_bytes: index % 2 === 0 ? 1_400_000_000 : null,
    bytes_per_second: 11_800_000,
    target: phase === 'storing' ? 'se-02' : null,
    attempt: phase === 'storing' ? 2 : 0,
    started_at: ago(40_000 + 9_000 * index),
  };
}

export function recentUpload(index: number): Json {
  const outcome = ['stored', 'accepted', 'failed', 'rejected', 'client_abort'][index % 5] ?? '';
  const code =
    { failed: 'ALL_STORAGE_FAILED', rejected: 'FILE_TOO_LARGE', client_abort: 'CLIENT_ABORT' }[outcome] ??
    null;
  return {
    upload_id: `bbbb${String(index).padStart(4, '0')}-0000-4000-8000-000000000000`,
    replica_id: REPLICAS[index % 2],
    caller: 'camera-archive',
    protocol: 'raw',
    outcome,
    code,
    status: outcome === 'accepted' ? 'delivering' : null,
    bytes: 48_000_000 * (index + 1),
    duration_ms: 840 + 2_000 * index,
    target: outcome === 'stored' ? 'se-02' : null,
    ended_at: ago(1_000 + 4_000 * index),
  };
}

export function letter(index: number): Json {
  return {
    id: `dddd${String(index).padStart(4, '0')}-0000-4000-8000-000000000000`,
    upload_id: `eeee${String(index).padStart(4, '0')}-0000-4000-8000-000000000000`,
    kind: 'delivery',
    state: 'dead',
    reason: 'STORAGE_FAILED',
    target: 'storage:se-01',
    doubtful_targets: [],
    attempts: 12,
    owner: 'camera-archive',
    original_filename: `lecture hall 4 – part ${index}.mp4`,
    content_type: 'video/mp4',
    size: 48_000_000 * (index + 1),
    checksum: 'a'.repeat(64),
    has_content: true,
    dead_at: ago(30 * MINUTE_MS * (index + 1)),
    created_at: ago(900 * MINUTE_MS),
    deadline: ago(-90 * MINUTE_MS),
  };
}

export function letterHistory(index: number): Json {
  return {
    ...letter(index),
    history: [
      {
        number: 1,
        target: 'storage:se-01',
        started_at: ago(800 * MINUTE_MS),
        ended_at: ago(799 * MINUTE_MS),
        outcome: 'failed',
        code: 'STORAGE_FAILED',
        status_code: 500,
        detail: 'The element answered 500.',
      },
      {
        number: 2,
        target: 'storage:se-02',
        started_at: ago(700 * MINUTE_MS),
        ended_at: null,
        outcome: null,
        code: null,
        status_code: null,
        detail: null,
      },
    ],
    orders: [{ at: ago(600 * MINUTE_MS), who: 'bob', action: 'redeliver', reason: 'the element is back' }],
  };
}

export function auditEntry(index: number): Json {
  return {
    audit_id: `ffff${String(index).padStart(4, '0')}-0000-4000-8000-000000000000`,
    at: ago(50 * MINUTE_MS * (index + 1)),
    who: index % 2 === 0 ? 'bob' : 'alice',
    action: ['redeliver', 'force-open', 'drop', 'abort'][index % 4],
    subject: ['dddd0001-0000-4000-8000-000000000000', 'storage:se-03'][index % 2],
    reason: 'the element is back',
    data: index % 2 === 0 ? null : { ttl_seconds: 3600 },
  };
}
