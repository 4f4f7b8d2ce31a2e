import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { IngestModule } from '../ingest/ingest.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { OpenUploads } from './open-uploads.service.js';
import { ResumptionMetrics } from './resumption-metrics.service.js';
import { ResumptionSettings } from './resumption-settings.service.js';
import { UploadAppends } from './upload-appends.service.js';
import { UploadBodies } from './upload-bodies.service.js';
import { UploadCompletions } from './upload-completions.service.js';
import { UploadCreations } from './upload-creations.service.js';
import { UploadFence } from './upload-fence.service.js';
import { UploadHomes } from './upload-homes.service.js';
import { UploadIndex } from './upload-index.service.js';
import { UploadJoins } from './upload-joins.service.js';
import { UploadListing } from './upload-listing.service.js';
import { UploadResources } from './upload-resources.service.js';
import { UploadSweep } from './upload-sweep.service.js';

/** Uploads that come in several requests. */
@Module({
  imports: [DatabaseModule, DeliveryModule, IngestModule, ReplicasModule],
  providers: [
    OpenUploads,
    ResumptionMetrics,
    ResumptionSettings,
    UploadAppends,
    UploadBodies,
    UploadCompletions,
    UploadCreations,
    UploadFence,
    UploadHomes,
    UploadIndex,
    UploadJoins,
    UploadListing,
    UploadResources,
    UploadSweep,
  ],
  exports: [UploadAppends, UploadCreations, UploadHomes, UploadListing, UploadResources],
})
export class ResumptionModule {}
