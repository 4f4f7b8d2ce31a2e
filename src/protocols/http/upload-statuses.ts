import { HttpStatus } from '@nestjs/common';
import type { UploadResult } from '../../ingest/upload-result.js';

/** What a client is answered with whose file has come as a whole. */
export const UPLOAD_STATUSES: Readonly<Record<UploadResult['outcome'], HttpStatus>> = {
  stored: HttpStatus.CREATED,
  repeated: HttpStatus.OK,
  accepted: HttpStatus.ACCEPTED,
};
