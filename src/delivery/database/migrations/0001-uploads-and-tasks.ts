/** Uploads that were promised, the tasks that keep the promise, and what became of them. */
export const uploadsAndTasks: readonly string[] = [
  `CREATE TABLE ingester.uploads (
    upload_id uuid PRIMARY KEY,
    owner text NOT NULL,
    status text NOT NULL
      CHECK (status IN ('accepted', 'delivering', 'active', 'dead', 'cancelled', 'expired')),
    description jsonb NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    file_id text,
    stored_at text,
    spool_file text,
    bytes_delivered bigint NOT NULL DEFAULT 0,
    revision int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz
  )`,
  // The sweep compares these rows with the spool folder.
  'CREATE INDEX uploads_spool_file ON ingester.uploads (spool_file) WHERE spool_file IS NOT NULL',
  'CREATE INDEX uploads_finished_at ON ingester.uploads (finished_at) WHERE finished_at IS NOT NULL',
  'CREATE INDEX uploads_status ON ingester.uploads (status, created_at)',
  `CREATE TABLE ingester.tasks (
    task_id uuid PRIMARY KEY,
    upload_id uuid NOT NULL REFERENCES ingester.uploads (upload_id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('delivery', 'registration')),
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled', 'dropped')),
    phase text NOT NULL,
    target text,
    doubtful_targets text[] NOT NULL DEFAULT '{}',
    doubt_since timestamptz,
    cancel_requested_at timestamptz,
    bytes_confirmed bigint NOT NULL DEFAULT 0,
    attempts int NOT NULL DEFAULT 0,
    size bigint NOT NULL,
    due_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    lease_owner text,
    lease_until timestamptz,
    reason text,
    dead_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (upload_id, kind)
  )`,
  'CREATE INDEX tasks_state ON ingester.tasks (state, due_at)',
  // Dead letters, newest first, page by page.
  `CREATE INDEX tasks_dead_at ON ingester.tasks (dead_at, task_id) WHERE state = 'dead'`,
  `CREATE TABLE ingester.attempts (
    id bigserial PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES ingester.tasks (task_id) ON DELETE CASCADE,
    number int NOT NULL,
    target text,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text,
    code text,
    status_code int,
    detail text
  )`,
  'CREATE INDEX attempts_task_id ON ingester.attempts (task_id, id)',
  `CREATE TABLE ingester.events (
    upload_id uuid NOT NULL REFERENCES ingester.uploads (upload_id) ON DELETE CASCADE,
    revision int NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (upload_id, revision)
  )`,
];
