/** Elements that could not be asked, when an upload came in, whether they had a file of its id. */
export const unaskedTargets: readonly string[] = [
  `ALTER TABLE ingester.tasks ADD COLUMN unasked_targets text[] NOT NULL DEFAULT '{}'`,
];
