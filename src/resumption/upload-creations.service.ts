import { Injectable } from '@nestjs/common';
import { annotateSpan } from '../observability/current-span.js';
import { describeFile } from '../ingest/file-description.js';
import { MAX_WHOLE_BYTES } from '../ingest/whole-files.js';
import { UploadLimits } from '../ingest/upload-limits.js';
import type { UploadInfo } from './files/upload-info.js';
import { OpenUploads } from './open-uploads.service.js';
import type { NewUpload, UploadState } from './resumable-upload.js';
import { UploadIndex } from './upload-index.service.js';
import { UploadJoins } from './upload-joins.service.js';

/** Creates uploads that come in several requests. */
@Injectable()
export class UploadCreations {
  constructor(
    private readonly open: OpenUploads,
    private readonly limits: UploadLimits,
    private readonly index: UploadIndex,
    private readonly joins: UploadJoins,
  ) {}

  /**
   * Creates an upload of no bytes.
   * @throws FILE_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR, RATE_LIMITED; NOT_FOUND, UPLOAD_EXPIRED, UPLOAD_ENDED for a
   * part; CONFLICT where there is an upload of this id; SHUTTING_DOWN, DRAINING; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async create(wanted: NewUpload): Promise<UploadState> {
    const { uploadId, protocol, caller, kind, parts = [], head, note } = wanted;
    const { digests = [], endsWhenTold = false, isIdNew } = wanted;
    annotateSpan({
      'ingester.upload.id': uploadId,
      'ingester.upload.protocol': protocol,
      'ingester.upload.outcome': 'created',
    });
    // What a part is, only the file says that is joined of it.
    if (kind !== 'part') this.limits.checkDeclaredType(head.contentType);
    const length = kind === 'joined' ? await this.joins.lengthOf(parts, caller) : head.length;
    this.limits.checkDeclaredBytes(length);
    const isUnseen = isWhole(wanted);
    this.admit(wanted, length ?? 0, isUnseen);
    const file = describeFile(uploadId, head, caller);
    const info: UploadInfo = { protocol, kind, parts, file, length, digests, endsWhenTold, note };
    // Counted before it is there, so that many at once have no more than one after the other.
    const isNew = this.index.add(uploadId, info);
    try {
      return (await this.open.create(uploadId, info, { isIdNew, isUnseen })).state;
    } catch (error) {
      if (isNew) this.index.remove(uploadId);
      throw error;
    }
  }

  /** @throws SHUTTING_DOWN, DRAINING, RATE_LIMITED, SPOOL_FULL, QUEUE_UNAVAILABLE */
  private admit({ uploadId, caller, kind }: NewUpload, bytes: number, isUnseen: boolean): void {
    if (kind !== 'joined') this.index.requireNew();
    this.index.admit(caller.subject, bytes);
    // The bytes of a joined one are here already.
    if (kind !== 'joined' && !isUnseen) this.index.checkRoom(uploadId, bytes);
  }
}

/** Does the request that creates it bring all bytes of a small file? */
function isWhole({ kind, head: { length }, unseenBytes }: NewUpload): boolean {
  return kind === 'file' && unseenBytes !== undefined && unseenBytes === length && length <= MAX_WHOLE_BYTES;
}
