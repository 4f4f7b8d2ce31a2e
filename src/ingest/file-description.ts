import type { Caller } from '../auth/caller.js';
import type { FileDescription } from '../storage/storage-element.js';
import { cleanFileName } from './file/file-name.js';
import type { FileHead } from './upload-source.js';

/** A file without a usable name of its own. */
const UNNAMED = 'unnamed';

/** What storage elements and receipts say of an upload. @throws VALIDATION_ERROR for a name that is too long. */
export function describeFile(fileId: string, head: FileHead, caller: Caller): FileDescription {
  const { fields, filename = '', contentType } = head;
  return {
    fileId,
    originalFilename: cleanFileName(filename) ?? UNNAMED,
    contentType,
    description: fields.description,
    tags: fields.tags,
    metadata: fields.metadata,
    retentionPolicy: fields.retention_policy,
    ttlDays: fields.ttl_days,
    uploadedBy: caller.subject,
    uploadedByUsername: caller.username,
    uploadedAt: new Date(),
  };
}
