import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { IngestModule } from '../ingest/ingest.module.js';
import { UploadEvents } from './events/upload-events.service.js';
import { FormProtocol } from './form/form-protocol.service.js';
import { HttpUploadSettings } from './http/http-upload-settings.js';
import { HttpUploads } from './http-uploads.service.js';
import { RawProtocol } from './raw/raw-protocol.service.js';
import { ResumptionModule } from '../resumption/resumption.module.js';
import { IetfAnswers } from './resumable/ietf-answers.service.js';
import { IetfBytes } from './resumable/ietf-bytes.service.js';
import { IetfCreations } from './resumable/ietf-creations.service.js';
import { IetfFiles } from './resumable/ietf-files.service.js';
import { IetfPosts } from './resumable/ietf-posts.service.js';
import { IetfProtocol } from './resumable/ietf-protocol.service.js';
import { ResumableOptions } from './resumable/resumable-options.service.js';
import { UploadLimit } from './resumable/upload-limit.service.js';
import { ResumableOptionsController } from './resumable-options.controller.js';
import { ResumableRequests } from './resumable-requests.service.js';
import { ResumableUploadsController } from './resumable-uploads.controller.js';
import { TusAnswers } from './tus/tus-answers.service.js';
import { TusBodies } from './tus/tus-bodies.service.js';
import { TusCreations } from './tus/tus-creations.service.js';
import { TusProtocol } from './tus/tus-protocol.service.js';
import { OtherReplicas } from './replicas/other-replicas.service.js';
import { UploadLists } from './replicas/upload-lists.service.js';
import { ReceiptsController } from './receipts.controller.js';
import { UploadListsController } from './upload-lists.controller.js';
import { UploadsController } from './uploads.controller.js';

@Module({
  imports: [DeliveryModule, IngestModule, ResumptionModule],
  controllers: [
    UploadsController,
    ReceiptsController,
    ResumableOptionsController,
    ResumableUploadsController,
    UploadListsController,
  ],
  providers: [
    FormProtocol,
    HttpUploads,
    HttpUploadSettings,
    IetfAnswers,
    IetfBytes,
    IetfCreations,
    IetfFiles,
    IetfPosts,
    IetfProtocol,
    OtherReplicas,
    RawProtocol,
    ResumableOptions,
    ResumableRequests,
    TusAnswers,
    TusBodies,
    TusCreations,
    TusProtocol,
    UploadEvents,
    UploadLimit,
    UploadLists,
  ],
})
export class ProtocolsModule {}
