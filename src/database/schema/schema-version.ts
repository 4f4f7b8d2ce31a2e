/** Grows with every change of the tables. Until there is a release, older ones are refused and not migrated. */
export const SCHEMA_VERSION = 12;
