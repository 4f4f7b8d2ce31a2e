import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import { Replicas } from '../replicas/replicas.service.js';

/**
 * Who has an upload, where replicas share a spool. Whoever takes it begins a new epoch, and only then looks how many bytes there
 * are; whoever has it sees that its epoch is still the newest, and only then says how many there are. So nothing that was
 * acknowledged lies behind what a taker has seen, and no lock is held while bytes flow. The one who created an upload has epoch
 * 1 without a row. With SQLite there is one process alone, and nothing to ask.
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

  /** Begins a new epoch, above `highest`. @throws QUEUE_UNAVAILABLE */
  async take(uploadId: string, highest: number): Promise<number> {
    if (this.isAlone) return highest + 1;
    const [row] = await this.database.query<{ epoch: number }>(
      `INSERT INTO ingester.upload_epochs (upload_id, epoch, replica_id, taken_at)
      VALUES ($1, $2::integer + 1, $3, ingester.now_ms())
      ON CONFLICT (upload_id) DO UPDATE
        SET epoch = greatest(upload_epochs.epoch, $2::integer) + 1, replica_id = excluded.replica_id, taken_at = excluded.taken_at
      RETURNING epoch`,
      [uploadId, Math.max(1, highest), this.replicas.replicaId],
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
    const values = [uploadId, mine, this.replicas.replicaId];
    const [row] = await this.database.query<{ epoch: number }>(
      mine === 1
        ? `INSERT INTO ingester.upload_epochs (upload_id, epoch, replica_id, taken_at)
          VALUES ($1, $2::integer + 1, $3, ingester.now_ms()) ON CONFLICT (upload_id) DO NOTHING RETURNING epoch`
        : `UPDATE ingester.upload_epochs SET epoch = epoch + 1, replica_id = $3, taken_at = ingester.now_ms()
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

  /** The upload is gone. @throws QUEUE_UNAVAILABLE */
  async forget(uploadId: string): Promise<void> {
    if (this.isAlone) return;
    await this.database.query('DELETE FROM ingester.upload_epochs WHERE upload_id = $1', [uploadId]);
  }
}
