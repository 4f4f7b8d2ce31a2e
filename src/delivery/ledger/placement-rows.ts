import { listOf, rowsOf } from '../../database/rows.js';
import type { Sql, SqlValue } from '../../database/sql.js';
import type { NewPlacement, Placement } from '../placement.js';

interface PlacementRow {
  readonly upload_id: string;
  readonly target: string;
  readonly unverified: number;
  readonly last_byte_at: number | null;
}

type OfUpload<T> = { readonly uploadId: string } & T;

/** The placements of these uploads; one that has none is absent. */
export async function findPlacements(
  sql: Sql,
  uploadIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Placement[]>> {
  if (uploadIds.length === 0) return new Map();
  const rows = await sql.query<PlacementRow>(
    `SELECT * FROM ingester.placements WHERE upload_id IN (${listOf(uploadIds.length)}) ORDER BY target`,
    uploadIds,
  );
  const byUpload = Map.groupBy(rows, ({ upload_id: id }) => id);
  return new Map([...byUpload].map(([id, of]) => [id, of.map(placementFrom)]));
}

/** Writes down where uploads have left their files; what they were sent to counts from now on. */
export async function insertPlacements(
  sql: Sql,
  uploads: readonly OfUpload<{ readonly placements: readonly NewPlacement[] }>[],
): Promise<void> {
  const rows = uploads.flatMap(({ uploadId, placements }) =>
    placements.map((placement) => valuesOf(uploadId, placement, placement.answered ? 0 : 1)),
  );
  if (rows.length === 0) return;
  const { text, values } = rowsOf(['uuid', 'text', 'int', 'int'], rows);
  await sql.query(
    `INSERT INTO ingester.placements (upload_id, target, unverified, last_byte_at)
    SELECT column1, column2, column3, CASE WHEN column4 = 1 THEN ingester.now_ms() ELSE 0 END
    FROM (VALUES ${text}) AS new WHERE true
    ON CONFLICT (upload_id, target) DO UPDATE SET
      unverified = CASE WHEN excluded.unverified = 1 THEN 1 ELSE placements.unverified END,
      last_byte_at = CASE WHEN excluded.last_byte_at > placements.last_byte_at THEN excluded.last_byte_at
        ELSE placements.last_byte_at END`,
    values,
  );
}

/** Whoever was sending the file of an upload has ended that at `endMs`, by the clock of the database. */
export async function endSending(sql: Sql, uploadId: string, endMs: number): Promise<void> {
  await sql.query(
    'UPDATE ingester.placements SET last_byte_at = $2 WHERE upload_id = $1 AND last_byte_at IS NULL',
    [uploadId, endMs],
  );
}

/** Writes down what is known of placements by now. */
export async function savePlacements(sql: Sql, placements: readonly OfUpload<Placement>[]): Promise<void> {
  if (placements.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'text', 'int', 'bigint'],
    placements.map((placement) => valuesOf(placement.uploadId, placement, placement.lastByteAt)),
  );
  await sql.query(
    `INSERT INTO ingester.placements (upload_id, target, unverified, last_byte_at) VALUES ${text}
    ON CONFLICT (upload_id, target) DO UPDATE SET unverified = excluded.unverified, last_byte_at = excluded.last_byte_at`,
    values,
  );
}

/** No file is there, or the upload is known to be stored there. */
export async function deletePlacements(
  sql: Sql,
  placements: readonly OfUpload<Pick<Placement, 'target'>>[],
): Promise<void> {
  if (placements.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'text'],
    placements.map(({ uploadId, target }) => [uploadId, target]),
  );
  await sql.query(`DELETE FROM ingester.placements WHERE (upload_id, target) IN (VALUES ${text})`, values);
}

function placementFrom({ target, unverified, last_byte_at: lastByteAt }: PlacementRow): Placement {
  return { target, unverified: unverified === 1, lastByteAt };
}

/** What both statements write, and then what they know of the last byte. */
function valuesOf(
  uploadId: string,
  { target, unverified }: Pick<Placement, 'target' | 'unverified'>,
  lastByte: number | null,
): SqlValue[] {
  return [uploadId, target, unverified ? 1 : 0, lastByte];
}
