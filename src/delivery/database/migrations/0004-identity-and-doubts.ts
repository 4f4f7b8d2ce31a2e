/** Which database this is, and what tasks have to remember of doubts and redeliveries. */
export const identityAndDoubts: readonly string[] = [
  // One row. A copy of the database is the same one: it has the same promises.
  `CREATE TABLE ingester.identity (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    database_id uuid NOT NULL
  )`,
  'INSERT INTO ingester.identity (database_id) VALUES (gen_random_uuid())',
  // When a target in doubt may have been given the last byte; it has the commit time from then on.
  'ALTER TABLE ingester.tasks ADD COLUMN handed_over_at timestamptz',
  // When it was last taken up again as a new one.
  'ALTER TABLE ingester.tasks ADD COLUMN revived_at timestamptz',
];
