/* The tables in SQLite: those of `postgres-schema.ts`, in its types. */
export const SQLITE_SCHEMA: readonly string[] = [
  // One row. A copy of the database is the same one: it has the same promises.
  `CREATE TABLE identity (
    only_one integer PRIMARY KEY DEFAULT 1 CHECK (only_one = 1),
    database_id text NOT NULL
  ) STRICT`,
  `CREATE TABLE uploads (
    upload_id text PRIMARY KEY,
    owner text NOT NULL,
    id_is_callers integer NOT NULL,
    status text NOT NULL
      CHECK (status IN ('accepted', 'delivering', 'active', 'dead', 'cancelled', 'expired')),
    description text NOT NULL,
    size integer NOT NULL,
    sha256 text NOT NULL,
    expires_at integer,
    request text,
    file_id text,
    stored_at text,
    spool_file text,
    spool_id text,
    bytes_delivered integer NOT NULL DEFAULT 0,
    revision integer NOT NULL DEFAULT 1,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    finished_at integer
  ) STRICT`,
  // Names of files in the spool that were promised, and of those that nobody may promise any more.
  `CREATE TABLE spool_files (
    name text PRIMARY KEY,
    upload_id text REFERENCES uploads (upload_id) ON DELETE CASCADE,
    refused_at integer
  ) STRICT`,
  'CREATE INDEX spool_files_upload_id ON spool_files (upload_id)',
  // The sweep compares these rows with the spool folder.
  'CREATE INDEX uploads_promised ON uploads (spool_id, upload_id) WHERE spool_file IS NOT NULL',
  'CREATE INDEX uploads_finished_at ON uploads (finished_at) WHERE finished_at IS NOT NULL',
  // A task that is worked on is due again when the lease of its holder runs out.
  `CREATE TABLE tasks (
    task_id text PRIMARY KEY,
    upload_id text NOT NULL REFERENCES uploads (upload_id) ON DELETE CASCADE,
    kind text NOT NULL,
    lane text NOT NULL,
    spool_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled', 'dropped')),
    phase text NOT NULL,
    due_at integer NOT NULL,
    lease_owner text,
    attempts integer NOT NULL DEFAULT 0,
    target text,
    checkpoint text,
    reason text,
    doubt_since integer,
    cancel_requested_at integer,
    waiting_since integer NOT NULL,
    deadline integer NOT NULL,
    dead_at integer,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    UNIQUE (upload_id, kind)
  ) STRICT`,
  // The queue.
  `CREATE INDEX tasks_due ON tasks (lane, spool_id, due_at) WHERE state IN ('waiting', 'running')`,
  `CREATE INDEX tasks_waiting_since ON tasks (kind, spool_id, waiting_since) WHERE state IN ('waiting', 'running')`,
  // Dead letters, newest first, page by page.
  `CREATE INDEX tasks_dead_at ON tasks (dead_at, task_id) WHERE state = 'dead'`,
  // Elements where a file of the upload may be, beside the one where it is known to be stored.
  `CREATE TABLE placements (
    upload_id text NOT NULL REFERENCES uploads (upload_id) ON DELETE CASCADE,
    target text NOT NULL,
    unverified integer NOT NULL,
    last_byte_at integer,
    PRIMARY KEY (upload_id, target)
  ) STRICT`,
  `CREATE TABLE attempts (
    attempt_id integer PRIMARY KEY,
    task_id text NOT NULL REFERENCES tasks (task_id) ON DELETE CASCADE,
    number integer NOT NULL,
    target text,
    started_at integer NOT NULL,
    ended_at integer,
    outcome text,
    code text,
    status_code integer,
    detail text
  ) STRICT`,
  'CREATE INDEX attempts_task_id ON attempts (task_id, attempt_id)',
  `CREATE TABLE events (
    upload_id text NOT NULL REFERENCES uploads (upload_id) ON DELETE CASCADE,
    revision integer NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    at integer NOT NULL,
    PRIMARY KEY (upload_id, revision)
  ) STRICT`,
  // Processes of the service. A spool is a folder that one or several of them have.
  `CREATE TABLE replicas (
    replica_id text PRIMARY KEY,
    version text NOT NULL,
    address text NOT NULL,
    spool_id text NOT NULL,
    -- 1: every upload in its spool that comes in several requests has its row in upload_epochs.
    tells_uploads integer NOT NULL,
    started_at integer NOT NULL,
    last_seen_at integer NOT NULL,
    -- What it said of itself then: JSON.
    state text
  ) STRICT`,
  // What operators have ordered, for all replicas or one (a drain). A reset is there for a while, so that all come to see it.
  `CREATE TABLE orders (
    order_id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('force-open', 'reset', 'drain')),
    target text,
    replica_id text,
    reason text,
    who text NOT NULL,
    ordered_at integer NOT NULL,
    until integer
  ) STRICT`,
  // Who has an upload that comes in several requests, where not all replicas find it by themselves: those who share its spool have
  // to know who took it from whom (`epoch` is raised with each taking), and those with another spool where it is.
  `CREATE TABLE upload_epochs (
    upload_id text PRIMARY KEY,
    epoch integer NOT NULL,
    replica_id text NOT NULL,
    spool_id text NOT NULL,
    taken_at integer NOT NULL
  ) STRICT`,
  // What operators did. It outlives what they did it to, so it refers to nothing.
  `CREATE TABLE audit (
    audit_id integer PRIMARY KEY,
    at integer NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    reason text,
    data text
  ) STRICT`,
  'CREATE INDEX audit_subject ON audit (subject, audit_id)',
  // For people.
  `CREATE VIEW queue AS
    SELECT task_id, upload_id, kind, lane, spool_id, state, phase, target, reason, attempts, lease_owner,
      datetime(due_at / 1000, 'unixepoch') AS due_at, datetime(deadline / 1000, 'unixepoch') AS deadline
    FROM tasks WHERE state IN ('waiting', 'running')`,
];
