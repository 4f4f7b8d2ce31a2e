import { Inject, Injectable } from '@nestjs/common';
import type { DurableBody } from '../../body/body-source.js';
import { Replicas } from '../../replicas/replicas.service.js';
import { LedgerPromises } from '../ledger/ledger-promises.service.js';
import type { UploadRecord } from '../upload-record.js';
import { AcceptedFiles } from './accepted-files.service.js';
import type { AcceptedFile } from './accepted-file.js';
import { SpoolSpace } from './spool-space.service.js';

/** The spool as one who accepts sees it: what is in it, and whether more fits. */
@Injectable()
export class SpoolRoom {
  constructor(
    readonly files: AcceptedFiles,
    readonly space: SpoolSpace,
    @Inject(LedgerPromises) private readonly promises: Pick<LedgerPromises, 'databaseId' | 'refuse'>,
    @Inject(Replicas)
    private readonly replicas: Pick<
      Replicas,
      'spoolId' | 'hasOtherSpools' | 'hasOthers' | 'lacksSpoolId' | 'isDrained' | 'makesWay'
    >,
  ) {}

  /** May accepted files be in the spools of other replicas? Undefined while nothing is known of them yet. */
  get hasOthers(): boolean | undefined {
    return this.replicas.hasOtherSpools;
  }

  /** Do other replicas live, which may take files in and out of this spool? */
  get isShared(): boolean {
    return this.replicas.hasOthers;
  }

  /** Has the spool no id, as where the file that says it is damaged? Then nothing can be accepted. */
  get lacksId(): boolean {
    return this.replicas.lacksSpoolId;
  }

  /** Has an operator ordered that this process takes no new uploads? */
  get isDrained(): boolean {
    return this.replicas.isDrained;
  }

  /** Is it, while another replica takes new uploads? */
  get makesWay(): boolean {
    return this.replicas.makesWay;
  }

  /** Is a file kept for an upload? One in the spool of another replica is not looked for. */
  async holds({ spoolFile, spoolId }: Pick<UploadRecord, 'spoolFile' | 'spoolId'>): Promise<boolean> {
    if (spoolFile === null) return false;
    return spoolId !== (await this.replicas.spoolId()) || this.files.has(spoolFile);
  }

  /**
   * Keeps a body of so many bytes for an upload that is about to be promised. The room that the upload has reserved, or
   * gets now, becomes room of its file. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, and what `AcceptedFiles.keep` throws
   */
  async keep(body: DurableBody, uploadId: string, bytes: number): Promise<AcceptedFile> {
    const release = (): void => this.space.release(uploadId);
    this.space.admit(uploadId, bytes, bytes);
    try {
      // Before the bytes are written: without a database they would be removed again.
      const databaseId = await this.promises.databaseId();
      return await this.files.keep(body, { uploadId, databaseId, bytes }, release);
    } finally {
      release();
    }
  }

  /**
   * Removes what was seen of an upload and is promised to nobody, as of a process that was killed: nobody can promise it any
   * more. False where some of it is promised. @throws QUEUE_UNAVAILABLE
   */
  async clear(uploadId: string): Promise<boolean> {
    const names = this.files.namesOf(uploadId);
    const refused = await this.promises.refuse(names);
    for (const name of refused) await this.files.removeSoon(name);
    return refused.length === names.length;
  }
}
