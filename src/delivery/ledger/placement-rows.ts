import { listOf, rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';

/** Where a file of an upload may be, although nobody said so. */
export interface Placements {
  /** Targets that it was sent to. */
  readonly sent: readonly string[];
  /** Targets that may have had a file of its id before it came in, and could not be asked for it. */
  readonly unverified: readonly string[];
}

interface PlacementRow {
  readonly upload_id: string;
  readonly target: string;
  readonly origin: 'sent' | 'unverified';
}

/** The placements of these uploads; one that has none is absent. */
export async function findPlacements(
  sql: Sql,
  uploadIds: readonly string[],
): Promise<ReadonlyMap<string, Placements>> {
  const rows = await sql.query<PlacementRow>(
    `SELECT upload_id, target, origin FROM ingester.placements
    WHERE upload_id IN (${listOf(uploadIds.length)}) ORDER BY target`,
    uploadIds,
  );
  const targets = (of: readonly PlacementRow[], origin: PlacementRow['origin']): string[] =>
    of.filter((row) => row.origin === origin).map(({ target }) => target);
  return new Map(
    [...Map.groupBy(rows, ({ upload_id: id }) => id)].map(([id, of]) => [
      id,
      { sent: targets(of, 'sent'), unverified: targets(of, 'unverified') },
    ]),
  );
}

/** Writes down where files may be; one that was unverified and is sent now stays unverified as well. */
export async function insertPlacements(
  sql: Sql,
  uploads: readonly ({ readonly uploadId: string } & Placements)[],
): Promise<void> {
  const rows = uploads.flatMap(({ uploadId, sent, unverified }) => [
    ...sent.map((target) => [uploadId, target, 'sent']),
    ...unverified.map((target) => [uploadId, target, 'unverified']),
  ]);
  if (rows.length === 0) return;
  const { text, values } = rowsOf(['uuid', 'text', 'text'], rows);
  await sql.query(
    `INSERT INTO ingester.placements (upload_id, target, origin) VALUES ${text}
    ON CONFLICT (upload_id, target, origin) DO NOTHING`,
    values,
  );
}

/** Nothing is left to be asked about these uploads. */
export async function deletePlacements(sql: Sql, uploadIds: readonly string[]): Promise<void> {
  if (uploadIds.length === 0) return;
  await sql.query(
    `DELETE FROM ingester.placements WHERE upload_id IN (${listOf(uploadIds.length)})`,
    uploadIds,
  );
}
