import { randomUUID } from 'node:crypto';
import type { Database, Sql } from '../../src/delivery/database/sql.js';
import type { DeliveryFloor } from '../support/delivery-floor.js';

/** A database with two processes on it; where only one can be, it is twice the same. */
export interface Subject {
  readonly one: DeliveryFloor;
  readonly other: DeliveryFloor;
  dispose(): Promise<void>;
}

/** Gives what is there during a test. */
export type Given = () => { one: DeliveryFloor; other: DeliveryFloor; database: Database };

/** Set for every process under test: long enough to work in, short enough to wait for. */
export const LEASE_MS = 2_000;

export const NOW = new Date();

/** Writes an upload down, as large as a number can say. */
export async function insertUpload(sql: Sql, uploadId: string = randomUUID()): Promise<string> {
  await sql.query(
    `INSERT INTO ingester.uploads (upload_id, owner, status, description, size, sha256, created_at, updated_at)
     VALUES ($1, 'alice', 'accepted', '{}', $2, '', $3, $3)`,
    [uploadId, Number.MAX_SAFE_INTEGER, NOW],
  );
  return uploadId;
}
