/** Tables have no schema of their own there, types are those of columns, and one writer at a time needs no row locks. */
const ONLY_POSTGRES = /\bingester\.|::\w+|\sFOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED)?/g;

/** A statement as SQLite takes it: see `Sql` for what it may be made of. */
export function sqliteStatement(text: string): string {
  return text.replaceAll(ONLY_POSTGRES, '').replaceAll(/\$(\d+)/g, '?$1');
}
