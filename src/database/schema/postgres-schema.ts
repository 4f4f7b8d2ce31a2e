/*
 * The tables in PostgreSQL. `sqlite-schema.ts` has the same ones: what is changed here is changed there. Times are
 * milliseconds since 1970 by the clock of the database; JSON is text.
 */
export const POSTGRES_SCHEMA: readonly string[] = [
  // Stays the same during a transaction, so that an index can be used with it.
  `CREATE FUNCTION ingester.now_ms() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT (extract(epoch FROM now()) * 1000)::bigint $$`,
  // One row. A copy of the database is the same one: it has the same promises.
  `CREATE TABLE ingester.identity (
    only_one int PRIMARY KEY DEFAULT 1 CHECK (only_one = 1),
    database_id uuid NOT NULL
  )`,
  'INSERT INTO ingester.identity (database_id) VALUES (gen_random_uuid())',
  `CREATE TABLE ingester.uploads (
    upload_id uuid PRIMARY KEY,
    owner text NOT NULL,
    id_is_callers int NOT NULL,
    status text NOT NULL
      CHECK (status IN ('accepted', 'delivering', 'active', 'dead', 'cancelled', 'expired')),
    description text NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    expires_at bigint,
    request text,
    file_id text,
    stored_at text,
    spool_file text,
    spool_id text,
    bytes_delivered bigint NOT NULL DEFAULT 0,
    revision int NOT NULL DEFAULT 1,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    finished_at bigint
  )`,
  // Names of files in the spool that were promised, and of those that nobody may promise any more.
  `CREATE TABLE ingester.spool_files (
    name text PRIMARY KEY,
    upload_id uuid REFERENCES ingester.uploads (upload_id) ON DELETE CASCADE,
    refused_at bigint
  )`,
  'CREATE INDEX spool_files_upload_id ON ingester.spool_files (upload_id)',
  // The sweep compares these rows with the spool folder.
  'CREATE INDEX uploads_promised ON ingester.uploads (spool_id, upload_id) WHERE spool_file IS NOT NULL',
  'CREATE INDEX uploads_finished_at ON ingester.uploads (finished_at) WHERE finished_at IS NOT NULL',
  // A task that is worked on is due again when the lease of its holder runs out.
  `CREATE TABLE ingester.tasks (
    task_id uuid PRIMARY KEY,
    upload_id uuid NOT NULL REFERENCES ingester.uploads (upload_id) ON DELETE CASCADE,
    kind text NOT NULL,
    lane text NOT NULL,
    spool_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled', 'dropped')),
    phase text NOT NULL,
    due_at bigint NOT NULL,
    lease_owner uuid,
    attempts int NOT NULL DEFAULT 0,
    target text,
    checkpoint text,
    reason text,
    doubt_since bigint,
    cancel_requested_at bigint,
    waiting_since bigint NOT NULL,
    deadline bigint NOT NULL,
    dead_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (upload_id, kind)
  )`,
  // The queue.
  `CREATE INDEX tasks_due ON ingester.tasks (lane, spool_id, due_at) WHERE state IN ('waiting', 'running')`,
  `CREATE INDEX tasks_waiting_since ON ingester.tasks (kind, spool_id, waiting_since) WHERE state IN ('waiting', 'running')`,
  // Dead letters, newest first, page by page.
  `CREATE INDEX tasks_dead_at ON ingester.tasks (dead_at, task_id) WHERE state = 'dead'`,
  // Elements where a file of the upload may be, beside the one where it is known to be stored.
  `CREATE TABLE ingester.placements (
    upload_id uuid NOT NULL REFERENCES ingester.uploads (upload_id) ON DELETE CASCADE,
    target text NOT NULL,
    unverified int NOT NULL,
    last_byte_at bigint,
    PRIMARY KEY (upload_id, target)
  )`,
  `CREATE TABLE ingester.attempts (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES ingester.tasks (task_id) ON DELETE CASCADE,
    number int NOT NULL,
    target text,
    started_at bigint NOT NULL,
    ended_at bigint,
    outcome text,
    code text,
    status_code int,
    detail text
  )`,
  'CREATE INDEX attempts_task_id ON ingester.attempts (task_id, attempt_id)',
  `CREATE TABLE ingester.events (
    upload_id uuid NOT NULL REFERENCES ingester.uploads (upload_id) ON DELETE CASCADE,
    revision int NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (upload_id, revision)
  )`,
  // Processes of the service. A spool is a folder that one or several of them have.
  `CREATE TABLE ingester.replicas (
    replica_id uuid PRIMARY KEY,
    version text NOT NULL,
    address text NOT NULL,
    spool_id text NOT NULL,
    -- 1: every upload in its spool that comes in several requests has its row in upload_epochs.
    tells_uploads int NOT NULL,
    started_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    -- What it said of itself then: JSON.
    state text
  )`,
  // What operators have ordered, for all replicas or one (a drain). A reset is there for a while, so that all come to see it.
  `CREATE TABLE ingester.orders (
    order_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('force-open', 'reset', 'drain')),
    target text,
    replica_id uuid,
    reason text,
    who text NOT NULL,
    ordered_at bigint NOT NULL,
    until bigint
  )`,
  // Who has an upload that comes in several requests, where not all replicas find it by themselves: those who share its spool have
  // to know who took it from whom (`epoch` is raised with each taking), and those with another spool where it is.
  `CREATE TABLE ingester.upload_epochs (
    upload_id uuid PRIMARY KEY,
    epoch int NOT NULL,
    replica_id uuid NOT NULL,
    spool_id text NOT NULL,
    taken_at bigint NOT NULL
  )`,
  // What operators did. It outlives what they did it to, so it refers to nothing.
  `CREATE TABLE ingester.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    reason text,
    data text
  )`,
  'CREATE INDEX audit_subject ON ingester.audit (subject, audit_id)',
  // For people.
  `CREATE VIEW ingester.queue AS
    SELECT task_id, upload_id, kind, lane, spool_id, state, phase, target, reason, attempts, lease_owner,
      to_timestamp(due_at / 1000.0) AS due_at, to_timestamp(deadline / 1000.0) AS deadline
    FROM ingester.tasks WHERE state IN ('waiting', 'running')`,
];
