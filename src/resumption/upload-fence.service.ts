import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import { Replicas } from '../replicas/replicas.service.js';

/** A replica that lives has told so long before. */
const LOST_MS = 3_600_000;
/** Uploads that are told of in one transaction. */
const BATCH = 500;
/** What was entered for a spool that no replica has any more is nobody's. */
const ENTER = `INSERT INTO ingester.upload_epochs (upload_id, epoch, replica_id, spool_id, taken_at)
  VALUES ($1, 1, $2, $3, ingester.now_ms())
  ON CONFLICT (upload_id) DO UPDATE SET
    epoch = 1, replica_id = excluded.replica_id, spool_id = excluded.spool_id, taken_at = excluded.taken_at
    WHERE upload_epochs.spool_id <> excluded.spool_id AND NOT EXISTS (
      SELECT 1 FROM ingester.replicas WHERE replicas.spool_id = upload_epochs.spool_id
    )
  RETURNING upload_id`;

/**
 * Who has an upload, where replicas share a spool. Whoever takes it begins a new epoch, and only then looks how many bytes there
 * are; whoever has it sees that its epoch is still the newest, and only then says how many there are. So nothing that was
 * acknowledged lies behind what a taker has seen, and no lock is held while bytes flow. The one who created an upload has epoch
 * 1, without a row where all replicas see the same spool. With SQLite there is one process alone, and nothing to ask.
 */
@Injectable()
export class UploadFence {
  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
  ) {}

  /** Is there one process alone? Then an epoch goes on when its process has ended. */
  get isAlone(): boolean {
    return this.database.backend === 'sqlite';
  }

  /**
   * Says in which spool a new upload is, where not all replicas see ours. False where one of this id lies in another.
   * @throws QUEUE_UNAVAILABLE
   */
  async enter(uploadId: string): Promise<boolean> {
    const { hasOtherSpools, tellsUploads } = this.replicas;
    if (this.isAlone || (hasOtherSpools === false && !tellsUploads)) return true;
    const spoolId = await this.replicas.spoolId();
    const values = [uploadId, this.replicas.replicaId, spoolId];
    const isEntered = (await this.database.query(ENTER, values)).length > 0;
    return isEntered || (await this.spoolOf(uploadId)) === spoolId;
  }

  /** As `enter`, for uploads that are here already. @throws QUEUE_UNAVAILABLE */
  async enterAll(uploadIds: readonly string[]): Promise<void> {
    const spoolId = await this.replicas.spoolId();
    // In one order, so that replicas on one spool do not wait for each other in a circle.
    const ordered = uploadIds.toSorted();
    for (let begin = 0; begin < ordered.length; begin += BATCH) {
      const batch = ordered.slice(begin, begin + BATCH);
      await this.database.transaction((tx) =>
        Promise.all(batch.map((uploadId) => tx.query(ENTER, [uploadId, this.replicas.replicaId, spoolId]))),
      );
    }
  }

  /** Begins a new epoch, above `highest`. @throws QUEUE_UNAVAILABLE */
  async take(uploadId: string, highest: number): Promise<number> {
    if (this.isAlone) return highest + 1;
    const [row] = await this.database.query<{ epoch: number }>(
      `INSERT INTO ingester.upload_epochs (upload_id, epoch, replica_id, spool_id, taken_at)
      VALUES ($1, $2::integer + 1, $3, $4, ingester.now_ms())
      ON CONFLICT (upload_id) DO UPDATE
        SET epoch = greatest(upload_epochs.epoch, $2::integer) + 1, replica_id = excluded.replica_id,
          spool_id = excluded.spool_id, taken_at = excluded.taken_at
      RETURNING epoch`,
      [uploadId, Math.max(1, highest), this.replicas.replicaId, await this.replicas.spoolId()],
    );
    if (!row) throw new Error('An upload was taken without a word');
    return row.epoch;
  }

  /**
   * Goes on in the next epoch, where `mine` is still the newest; undefined where somebody else has taken the upload meanwhile.
   * @throws QUEUE_UNAVAILABLE
   */
  async raise(uploadId: string, mine: number): Promise<number | undefined> {
    if (this.isAlone) return mine + 1;
    const values = [uploadId, mine, this.replicas.replicaId, await this.replicas.spoolId()];
    const [row] = await this.database.query<{ epoch: number }>(
      mine === 1
        ? `INSERT INTO ingester.upload_epochs (upload_id, epoch, replica_id, spool_id, taken_at)
          VALUES ($1, $2::integer + 1, $3, $4, ingester.now_ms())
          ON CONFLICT (upload_id) DO UPDATE
            SET epoch = excluded.epoch, replica_id = excluded.replica_id, spool_id = excluded.spool_id, taken_at = excluded.taken_at
            WHERE upload_epochs.epoch = 1
          RETURNING epoch`
        : `UPDATE ingester.upload_epochs SET epoch = epoch + 1, replica_id = $3, spool_id = $4, taken_at = ingester.now_ms()
          WHERE upload_id = $1 AND epoch = $2::integer RETURNING epoch`,
      values,
    );
    return row?.epoch;
  }

  /** Is the epoch still the newest? @throws QUEUE_UNAVAILABLE */
  async holds(uploadId: string, epoch: number): Promise<boolean> {
    if (this.isAlone) return true;
    const [row] = await this.database.query<{ epoch: number }>(
      'SELECT epoch FROM ingester.upload_epochs WHERE upload_id = $1',
      [uploadId],
    );
    return (row?.epoch ?? 1) === epoch;
  }

  /** In which spool an upload is; undefined where nobody has said so. @throws QUEUE_UNAVAILABLE */
  async spoolOf(uploadId: string): Promise<string | undefined> {
    if (this.isAlone) return undefined;
    const [row] = await this.database.query<{ spool_id: string }>(
      'SELECT spool_id FROM ingester.upload_epochs WHERE upload_id = $1',
      [uploadId],
    );
    return row?.spool_id;
  }

  /** Forgets uploads in spools that no replica has any more. @throws QUEUE_UNAVAILABLE */
  async forgetLost(): Promise<void> {
    if (this.isAlone) return;
    await this.database.query(
      `DELETE FROM ingester.upload_epochs WHERE taken_at < ingester.now_ms() - $1::bigint
        AND NOT EXISTS (SELECT 1 FROM ingester.replicas WHERE replicas.spool_id = upload_epochs.spool_id)`,
      [LOST_MS],
    );
  }

  /** The upload is gone. @throws QUEUE_UNAVAILABLE */
  async forget(uploadId: string): Promise<void> {
    if (this.isAlone) return;
    await this.database.query('DELETE FROM ingester.upload_epochs WHERE upload_id = $1', [uploadId]);
  }
}
