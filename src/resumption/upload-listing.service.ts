import { Injectable } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { permissionsOf } from '../auth/permissions.js';
import type { Receipt } from '../ingest/receipt.dto.js';
import { unfinishedReceiptOf } from '../ingest/unfinished-receipt.js';
import { endOf } from './files/extents.js';
import type { UploadEnd } from './files/upload-end.js';
import type { UploadOnDisk } from './files/upload-folder.js';
import { OpenUploads } from './open-uploads.service.js';
import { UploadIndex } from './upload-index.service.js';

/** An upload that is not complete, as its owner sees it in a list. */
export interface ListedUpload {
  readonly upload_id: string;
  readonly original_filename: string;
  readonly uploaded_by: string;
  /** Bytes that are here. */
  readonly offset: number;
  /** Bytes of the whole file; null where nobody knows yet. */
  readonly length: number | null;
  readonly expires_at: string;
}

/** Part of a list; `next` is there where it goes on. */
export interface UploadPage {
  readonly uploads: readonly ListedUpload[];
  readonly next: string | null;
}

/** Says which uploads are not complete, without a request that is at work on one noticing. */
@Injectable()
export class UploadListing {
  constructor(
    private readonly index: UploadIndex,
    private readonly open: OpenUploads,
  ) {}

  /** The uploads of a caller, or of all for an admin, oldest first; those after the id `after`. @throws INTERNAL_ERROR */
  async list(caller: Caller, after: string, limit: number): Promise<UploadPage> {
    const owner = permissionsOf(caller).has('admin:read') ? undefined : caller.subject;
    const uploadIds = this.index.list(owner, after, limit);
    const found = await Promise.all(
      uploadIds.map(async (uploadId) => {
        // One that cannot be read hides no other.
        const onDisk = await this.open.look(uploadId).catch(() => undefined);
        return onDisk && !onDisk.end ? this.listed(uploadId, onDisk) : undefined;
      }),
    );
    const uploads = found.filter((upload) => upload !== undefined);
    return { uploads, next: uploadIds.length < limit ? null : (uploadIds.at(-1) ?? null) };
  }

  /** The receipt of an upload that is not complete, or has ended without a file; undefined for all others. @throws INTERNAL_ERROR */
  async receiptOf(uploadId: string, caller: Caller): Promise<Receipt | undefined> {
    const onDisk = await this.open.look(uploadId);
    if (!onDisk || onDisk.info.kind === 'part' || hasFile(onDisk.end)) return undefined;
    const { file } = onDisk.info;
    const maySee = file.uploadedBy === caller.subject || permissionsOf(caller).has('admin:read');
    return maySee ? unfinishedReceiptOf(file, onDisk.length, statusOf(onDisk.end)) : undefined;
  }

  private listed(uploadId: string, { info, extents, length, touchedAtMs }: UploadOnDisk): ListedUpload {
    return {
      upload_id: uploadId,
      original_filename: info.file.originalFilename,
      uploaded_by: info.file.uploadedBy,
      offset: endOf(extents),
      length: length ?? null,
      expires_at: new Date(this.open.deadlineMs(touchedAtMs)).toISOString(),
    };
  }
}

/** Then its receipt is that of the file. */
function hasFile(end: UploadEnd | undefined): boolean {
  return end?.kind === 'placed' || (end?.kind === 'removed' && end.hasFile);
}

function statusOf(end: UploadEnd | undefined): 'receiving' | 'dead' | 'cancelled' | 'expired' {
  if (!end) return 'receiving';
  if (end.kind === 'refused') return 'dead';
  return end.kind === 'removed' ? 'cancelled' : 'expired';
}
