/** Tasks that remove the copies of stored files which elements kept without saying so. */
export const removals: readonly string[] = [
  'ALTER TABLE ingester.tasks DROP CONSTRAINT tasks_kind_check',
  `ALTER TABLE ingester.tasks ADD CONSTRAINT tasks_kind_check
    CHECK (kind IN ('delivery', 'registration', 'removal'))`,
];
