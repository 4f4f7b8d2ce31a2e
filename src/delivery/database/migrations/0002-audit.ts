/** What operators did. It outlives what they did it to, so it refers to nothing. */
export const audit: readonly string[] = [
  `CREATE TABLE ingester.audit (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    reason text,
    data jsonb
  )`,
  'CREATE INDEX audit_subject ON ingester.audit (subject, id)',
  'CREATE INDEX audit_at ON ingester.audit (at)',
];
