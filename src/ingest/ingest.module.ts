import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { ActiveUploads } from './active-uploads.service.js';
import { AdmissionControl } from './admission-control.service.js';
import { IncomingFiles } from './file/incoming-files.service.js';
import { IngestReports } from './ingest-reports.service.js';
import { UploadPlacement } from './placement/upload-placement.service.js';
import { UploadRepeats } from './placement/upload-repeats.service.js';
import { StoredFileLookups } from './receipts/stored-file-lookups.service.js';
import { UploadLimits } from './upload-limits.js';
import { UploadPipeline } from './upload-pipeline.service.js';
import { UploadReceipts } from './upload-receipts.service.js';

/** What happens to every upload, whatever protocol brings it. */
@Module({
  imports: [DeliveryModule, ReplicasModule, StorageModule],
  providers: [
    ActiveUploads,
    AdmissionControl,
    IncomingFiles,
    IngestReports,
    StoredFileLookups,
    UploadLimits,
    UploadPipeline,
    UploadPlacement,
    UploadReceipts,
    UploadRepeats,
  ],
  exports: [ActiveUploads, AdmissionControl, UploadLimits, UploadPipeline, UploadReceipts],
})
export class IngestModule {}
