/** What the API answers; members are as on the wire. Times are RFC 3339 in UTC. */

export type CircuitState = 'closed' | 'open' | 'half_open';

export interface Forced {
  readonly reason: string;
  readonly by: string;
  readonly until: string | null;
}

/** What a replica says of one target. */
export interface Circuit {
  readonly state: CircuitState;
  readonly failure_count: number;
  readonly failure_threshold: number;
  readonly opened_at: string | null;
  readonly retry_at: string | null;
  readonly cooling_until: string | null;
  readonly forced?: Forced;
  readonly in_flight?: number;
  readonly last_error?: { readonly code: string; readonly at: string } | null;
}

/** Uploads by how they ended, since the start of a replica. */
export interface UploadCounters {
  readonly in_flight: number;
  readonly stored: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly failed: number;
  readonly client_abort: number;
}

export interface SpoolState {
  readonly bytes: number;
  readonly files: number;
  /** 0: only the disk limits. */
  readonly limit_bytes: number;
  readonly free_bytes: number | null;
  /** Why nothing is accepted; null while files are. */
  readonly shut: string | null;
}

export interface Replica {
  readonly replica_id: string;
  readonly version: string;
  readonly address: string;
  readonly spool_id: string | null;
  readonly started_at: string;
  readonly last_seen_at: string;
  readonly lives: boolean;
  readonly draining: boolean;
  readonly uploads: UploadCounters;
  readonly bytes: { readonly received: number; readonly sent: number };
  readonly deliveries: { readonly delivered: number; readonly failed_attempts: number };
  readonly retries: number;
  readonly spool: SpoolState;
  readonly circuits: Readonly<Record<string, Circuit>>;
}

export interface Order {
  readonly order_id: string;
  readonly kind: 'force-open' | 'drain';
  readonly target: string | null;
  readonly replica_id: string | null;
  readonly reason: string | null;
  readonly by: string;
  readonly ordered_at: string;
  readonly until: string | null;
}

interface Lane {
  readonly kind: string;
  readonly lane: string;
  readonly waiting: number;
  readonly running: number;
  readonly oldest_waiting_since: string | null;
}

interface KnownSpool {
  readonly spool_id: string;
  readonly address: string | null;
  readonly lives: boolean;
  readonly last_seen_at: string | null;
  readonly waiting: number;
}

export interface Queue {
  readonly lanes: readonly Lane[];
  readonly spools: readonly KnownSpool[];
}

export interface LetterGroup {
  readonly kind: string;
  readonly reason: string | null;
  readonly target: string | null;
  readonly count: number;
  readonly oldest_at: string | null;
}

export interface Transition {
  readonly at: string;
  readonly replica_id: string;
  readonly name: string;
  readonly from: CircuitState;
  readonly to: CircuitState;
  readonly cause: string;
  readonly by: string | null;
  readonly reason: string | null;
}

/** One event of `GET /api/v1/live`. `null`: the database does not answer. */
export interface Snapshot {
  readonly at: string;
  readonly replica_id: string;
  readonly replicas: readonly Replica[];
  readonly orders: readonly Order[];
  /** When `queue` and `dead_letters` were read of the database. */
  readonly database_at: string | null;
  readonly queue: Queue | null;
  readonly dead_letters: { readonly total: number; readonly groups: readonly LetterGroup[] } | null;
  readonly transitions: readonly Transition[];
}

export interface ActiveUpload {
  readonly upload_id: string;
  readonly replica_id: string;
  readonly caller: string;
  readonly protocol: string;
  readonly phase: string;
  readonly bytes_received: number;
  readonly declared_bytes: number | null;
  readonly bytes_per_second: number;
  readonly target: string | null;
  readonly attempt: number;
  readonly started_at: string;
}

export interface RecentUpload {
  readonly upload_id: string;
  readonly replica_id: string;
  readonly caller: string;
  readonly protocol: string;
  readonly outcome: string;
  readonly code: string | null;
  readonly status: string | null;
  readonly bytes: number;
  readonly duration_ms: number;
  readonly target: string | null;
  readonly ended_at: string;
}

export interface Letter {
  readonly id: string;
  readonly upload_id: string;
  readonly kind: string;
  readonly state: string;
  readonly reason: string | null;
  readonly target: string | null;
  readonly doubtful_targets: readonly string[];
  readonly attempts: number;
  readonly owner: string;
  readonly original_filename: string;
  readonly content_type: string;
  readonly size: number;
  readonly has_content: boolean;
  readonly dead_at: string | null;
  readonly created_at: string;
}

export interface LetterHistory extends Letter {
  readonly history: readonly {
    readonly number: number;
    readonly target: string | null;
    readonly started_at: string;
    readonly ended_at: string | null;
    readonly outcome: string | null;
    readonly code: string | null;
    readonly status_code: number | null;
    readonly detail: string | null;
  }[];
  readonly orders: readonly {
    readonly at: string;
    readonly who: string;
    readonly action: string;
    readonly reason: string | null;
  }[];
}

export interface Preview {
  readonly action: 'redeliver' | 'drop';
  readonly filter: Readonly<Record<string, string | number>>;
  readonly count: number;
  readonly bytes: number;
  readonly oldest_at: string | null;
  readonly samples: readonly Letter[];
  readonly token: string;
  readonly expires_at: string;
}

export interface AuditEntry {
  readonly audit_id: string | number;
  readonly at: string;
  readonly who: string;
  readonly action: string;
  readonly subject: string | null;
  readonly reason: string | null;
  readonly data: unknown;
}

/** Pages of lists. */
export interface UploadPage<T> {
  readonly uploads: readonly T[];
  readonly next_cursor: string | null;
  readonly unanswered_replicas?: readonly string[];
}

export interface LetterPage {
  readonly items: readonly Letter[];
  readonly next_cursor: string | null;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly next_cursor: string | null;
}
