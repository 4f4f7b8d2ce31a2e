import type { Environment } from '../../config/environment.js';
import { expiryOf } from '../../storage/expiry.js';
import type { UploadRecord } from '../upload-record.js';

/** Two APIs of the same meaning; the members are called differently. */
export type AdminGeneration = Environment['ADMIN_GENERATION'];

/** A stored file, as the Admin module is told of it. */
export type Registration = Pick<UploadRecord, 'file' | 'digest'> & {
  readonly fileId: string;
  /** The storage element that has it, as we call it. */
  readonly elementId: string;
};

/** What `POST /api/v1/files` of that generation wants to know, for JSON: members that are undefined are left out. */
export function registrationBody(generation: AdminGeneration, registration: Registration): object {
  return generation === 'artstore' ? artstoreBody(registration) : goartstoreBody(registration);
}

function artstoreBody({ file, digest, fileId, elementId }: Registration): object {
  return {
    file_id: fileId,
    original_filename: file.originalFilename,
    // How an element names the file on its own disk is told to nobody. The id is what finds it there, and the path is
    // that of the element's API.
    storage_filename: fileId,
    storage_path: `/api/v1/files/${fileId}`,
    file_size: digest.size,
    checksum_sha256: digest.sha256,
    retention_policy: file.retentionPolicy,
    storage_element_id: elementId,
    content_type: file.contentType,
    description: file.description ?? undefined,
    ttl_days: file.ttlDays ?? undefined,
    ttl_expires_at: expiryOf(file)?.toISOString(),
    uploaded_by: file.uploadedBy,
    user_metadata: file.metadata,
  };
}

function goartstoreBody({ file, digest, fileId, elementId }: Registration): object {
  return {
    file_id: fileId,
    original_filename: file.originalFilename,
    content_type: file.contentType,
    size: digest.size,
    checksum: digest.sha256,
    storage_element_id: elementId,
    retention_policy: file.retentionPolicy,
    ttl_days: file.ttlDays,
    description: file.description ?? undefined,
    tags: file.tags,
  };
}
